// The four figures that a manager looks for first, each beside the period before.
function headline() {
  const { now, before } = figures.headline;
  const { journeys, conversions } = figures.journeys;
  const cards = [
    card('active_customers', count(now.active_customers), change(now.active_customers, before?.active_customers), [
      count(now.new_customers),
      ' ',
      term('new_customers', 'new'),
    ]),
    card('conversions', count(now.conversions), change(now.conversions, before?.conversions), [
      percent(conversions / journeys),
      ' of ',
      count(journeys),
      ' ',
      term('journeys', 'journeys'),
    ]),
    revenue(now.revenue, before?.revenue),
    card(
      'human_share',
      percent(now.human_share),
      change(now.human_share, before?.human_share, { points: true }),
      `Machines made ${count(now.machine)} of ${count(now.inbound)} inbound touchpoints`,
    ),
  ];
  const said = figures.period.before
    ? [term('change', 'Changes'), ` are against ${between(...figures.period.before)}.`]
    : ['No changes: the touchpoints do not reach back over the ', plural(figures.period.days, 'day'), ' before.'];
  section('headline').append(element('dl', { class: 'cards' }, cards), element('p', { class: 'note' }, ...said));
}

function card(id, value, changed, also) {
  return element(
    'div',
    { class: 'card', 'data-figure': id },
    element('dt', {}, term(id)),
    element('dd', { class: 'value' }, value),
    changed ? element('dd', {}, changed) : null,
    also ? element('dd', { class: 'also' }, also) : null,
  );
}

function revenue(now, before) {
  const [first, ...others] = figures.attribution.currencies.filter((currency) => currency in now);
  if (!first) return card('revenue', ABSENT, null);
  const also = others.map((currency) =>
    element(
      'div',
      {},
      money(now[currency], currency),
      ' ',
      change(now[currency], before?.[currency] ?? (before ? 0 : null)),
    ),
  );
  return card(
    'revenue',
    [amount(now[first]), ' ', element('small', {}, first)],
    change(now[first], before?.[first] ?? (before ? 0 : null)),
    others.length ? also : undefined,
  );
}
