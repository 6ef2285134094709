"""docs/security.md says what streams/acls.py derives, and names every setting of access."""

from pathlib import Path

from streams.acls import acls, describe
from streams.composition import GROUPS, OUTPUTS, STAGES
from streams.config import PREFIX, Settings
from streams.runtime.changelog import changelog_of
from streams.topics import TOUCHPOINTS, declared, physical

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")


def test_the_page_has_the_table_of_rights_that_stages_give() -> None:
    assert describe(acls()) in PAGE


def test_the_page_names_every_setting_of_access() -> None:
    words = ("password", "file", "username", "protocol", "mechanism")
    settings = [PREFIX + name.upper() for name in Settings.model_fields if name.rpartition("_")[2] in words]
    assert len(settings) == 11
    assert [name for name in settings if f"`{name}`" not in PAGE] == []


def test_every_topic_is_read_or_written_by_a_stage_and_every_stage_has_declared_topics_alone() -> None:
    names = {topic.name for topic in declared(1, 1)}
    used = {topic for stage in STAGES for topic in (*GROUPS[stage], *OUTPUTS[stage])}
    assert used | {changelog_of(stage) for stage in STAGES if stage != "sink"} == names


def test_no_stage_may_read_what_it_has_no_use_for() -> None:
    rights = {(user, acl.name): acl.operations for user, granted in acls().items() for acl in granted}
    assert ("intake", "journeys") not in rights
    assert "Write" not in rights["intake", "identity.assignments"]
    assert not any("Write" in acl.operations for acl in acls()["sink"])
    assert {operation for acl in acls()["monitor"] for operation in acl.operations} == {"Describe"}


def test_a_pipeline_beside_has_the_same_rights_under_its_name_but_never_writes_to_sources() -> None:
    beside, live = acls("next"), acls("next", "next")
    for stage in STAGES:
        renamed = {
            plain._replace(name=physical(plain.name.removesuffix("-"), "next") + "-" * plain.name.endswith("-"))
            for plain in acls()[stage]
        }
        assert set(live[stage]) == renamed
        assert {*beside[stage]} - renamed == {
            acl._replace(operations=("Read", "DescribeConfigs"))
            for acl in renamed
            if stage == "intake" and acl.name in TOUCHPOINTS
        }
    writes = {user for user, granted in beside.items() for acl in granted if "Write" in acl.operations}
    assert writes == {"intake", "identity", "customers", "producer", "operator", "repairer"}
    sources = [(user, acl) for user, granted in beside.items() for acl in granted if acl.name in TOUCHPOINTS]
    assert {user for user, acl in sources if "Write" in acl.operations} == {"producer"}


def test_who_repairs_beside_what_serves_changes_nothing_of_it() -> None:
    assert {(acl.name, *acl.operations) for acl in acls()["repairer"]} == {(topic, "Write") for topic in TOUCHPOINTS}
    for namespace, live in (("next", ""), ("", "next"), ("third", "next")):
        names = {topic.name for topic in declared(1, 1)} | {*STAGES}
        changes = {physical(name, namespace) for name in names - {*TOUCHPOINTS}}
        granted = acls(namespace, live)["repairer"]
        harmless = {"Read", "Describe", "DescribeConfigs"}
        assert {acl.name for acl in granted if {*acl.operations} - harmless} == changes
        assert {acl.name for acl in granted} == changes | {physical(name, live) for name in names}
