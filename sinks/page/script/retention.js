// Cohorts: a table whose cells are shaded by the share that came back, so that it reads with and without colour.
function retention() {
  const { unit, rows, incomplete } = figures.cohorts;
  if (!rows.length) return nothing('retention', 'Nobody came for the first time in this period.');
  const host = section('retention');
  // The first column would be 100 % throughout.
  const later = Array.from(
    { length: Math.max(...rows.map(({ customers }) => customers.length)) - 1 },
    (_, at) => at + 1,
  );
  host.append(
    lede(saidOfRetention(rows, unit, incomplete)),
    note(
      'A row is a ',
      term('cohort'),
      ', a column how much later; a cell is its ',
      term('retention'),
      incomplete ? `. Dashed: a ${unit} that is not over yet.` : '.',
    ),
  );
  const named = unit === 'month' ? month : shortDay;
  host.append(
    table(
      `Share of customers active again, by ${unit} of their first touchpoint`,
      [`${capital(unit)} of`, 'Customers', ...later.map((at) => `+${at} ${unit}${at === 1 ? '' : 's'}`)],
      rows.map((row) => [named(row.first), count(row.customers[0]), ...later.map((at) => cohortCell(row, at))]),
      { class: 'heat', id: 'cohorts' },
    ),
  );
}

function cohortCell({ customers }, at) {
  if (customers[at] === undefined) return '';
  const share = customers[at] / customers[0];
  const goesOn = figures.cohorts.incomplete && at === customers.length - 1;
  const attributes = { class: goesOn ? 'going-on' : undefined, title: plural(customers[at], 'customer') };
  const shade = element('span', attributes, percent(share, 0));
  shade.style.setProperty('--share', share);
  return { cell: shade, class: 'cell' };
}

function saidOfRetention(rows, unit, incomplete) {
  const known = rows.filter(({ customers }) => customers.length > (incomplete ? 2 : 1));
  const came = rows.reduce((sum, { customers }) => sum + customers[0], 0);
  const started = `${plural(came, 'customer')} came for the first time in these ${unit}s.`;
  if (!known.length) return `${started} It is too early to say who comes back.`;
  const first = known.reduce((sum, { customers }) => sum + customers[0], 0);
  const back = known.reduce((sum, { customers }) => sum + customers[1], 0);
  return `${started} Of those whose next ${unit} is over, ${percent(back / first, 0)} came back in it.`;
}
