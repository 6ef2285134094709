// What the figures rest on, and every definition once more, for paper and for reading through.
function notes() {
  const { outcomes, newest_event: event, newest_receipt: receipt, made_at: made, touchpoints } = figures.notes;
  const { inbound, machine } = figures.headline.now;
  const records = (outcome) => Object.values(outcomes[outcome] || {}).reduce((sum, many) => sum + many, 0);
  const reasons = Object.entries(outcomes.dead || {})
    .sort(([, one], [, other]) => other - one)
    .map(([reason, many]) => `${count(many)} ${sentence(reason)}`)
    .join(', ');
  const line = (name, value, id) => [element('dt', {}, name), element('dd', id ? { id } : {}, value)];
  const { since, until, days: number } = figures.period;
  section('notes').append(
    element(
      'div',
      { class: 'split' },
      element(
        'div',
        {},
        element('h3', {}, 'Period and freshness'),
        element(
          'dl',
          { class: 'notes' },
          line('Period', `${between(since, until)} (${plural(number, 'day')})`),
          line('Time zone', 'UTC, days from midnight to midnight'),
          line('Made', minute(made)),
          line(term('newest_event'), minute(event)),
          line(term('newest_receipt'), minute(receipt)),
        ),
      ),
      element(
        'div',
        {},
        element('h3', {}, 'Records, since the beginning'),
        element(
          'dl',
          { class: 'notes' },
          line(term('accepted'), count(records('accepted')), 'accepted'),
          line(term('duplicate'), count(records('duplicate')), 'duplicates'),
          line(term('late'), count(records('late')), 'late'),
          line(term('rerouted'), count(records('rerouted')), 'rerouted'),
          line(term('dead'), records('dead') ? `${count(records('dead'))}: ${reasons}` : '0', 'dead'),
          line('Touchpoints in the tables', count(touchpoints), 'kept'),
          line(
            term('machine_share'),
            inbound ? `${percent(machine / inbound)} of inbound touchpoints in the period` : ABSENT,
          ),
        ),
      ),
    ),
    element(
      'details',
      { id: 'definitions' },
      element('summary', {}, 'All definitions'),
      element(
        'dl',
        { class: 'glossary' },
        Object.values(figures.definitions).map(({ name, text }) =>
          element('div', {}, element('dt', {}, name), element('dd', {}, text)),
        ),
      ),
    ),
  );
}
