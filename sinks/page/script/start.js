// Draws the page. A period without touchpoints says so, and shows what is known of the data.
const SECTIONS = { headline, engagement, paths, attribution, retention, funnel, notes };

function start() {
  const { since, until, days: number } = figures.period;
  section('period').textContent = `${between(since, until)}, ${plural(number, 'day')}, UTC`;
  const { newest_event: newest, made_at: made } = figures.notes;
  const ended = newest !== null && newest.slice(0, 10) < until ? ' Touchpoints end before the period does.' : '';
  section('freshness').textContent = `Newest event ${minute(newest)}.${ended} Made ${minute(made)}.`;
  document.title = `Customer journeys, ${between(since, until)}`;
  if (figures.empty) {
    for (const id of Object.keys(SECTIONS)) if (id !== 'notes') section(id).remove();
    section('main').prepend(
      element('p', { class: 'panel', id: 'empty' }, `There is no touchpoint from ${between(since, until)}.`),
    );
    document.querySelector('nav').remove();
    document.querySelector('.skip').remove();
    notes();
    return;
  }
  for (const [id, draw] of Object.entries(SECTIONS)) {
    draw();
    const title = section(id).querySelector('h2');
    if (title) section('contents').append(element('li', {}, element('a', { href: `#${id}` }, title.textContent)));
  }
}

start();
