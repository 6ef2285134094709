// Cohorts: a table whose cells are shaded by the share that came back, so that it reads with and without colour.
const DEEP = 0.5;

function retention() {
  const { unit, rows, incomplete } = figures.cohorts;
  if (!rows.length) return nothing('retention', 'Nobody came for the first time in this period.');
  const host = section('retention');
  const width = Math.max(...rows.map(({ customers }) => customers.length));
  host.append(lede(saidOfRetention(rows, unit, incomplete)), element('p', { class: 'note' },
    'A row is a ', term('cohort'), ', a column how much later; a cell is its ', term('retention'),
    ...(incomplete ? [`. Dashed: a ${unit} that is not over yet.`] : ['.'])));
  const cell = (row, later) => {
    const customers = row.customers[later];
    if (customers === undefined) return '';
    const share = customers / row.customers[0];
    const goesOn = incomplete && later === row.customers.length - 1;
    const shade = element('span', { class: `${share > DEEP ? 'deep' : ''} ${goesOn ? 'going-on' : ''}`, title: plural(customers, 'customer') }, percent(share, 0));
    shade.style.setProperty('--share', share);
    return { cell: shade, class: 'cell' };
  };
  const named = unit === 'month' ? month : shortDay;
  host.append(table(`Share of customers active again, by ${unit} of their first touchpoint`,
    [`${capital(unit)} of`, 'Customers', ...Array.from({ length: width }, (_, later) => (later ? `+${later}` : `${capital(unit)} 0`))],
    rows.map((row) => [named(row.first), count(row.customers[0]), ...Array.from({ length: width }, (_, later) => cell(row, later))]),
    { class: 'heat', id: 'cohorts' }));
}

function saidOfRetention(rows, unit, incomplete) {
  const known = rows.filter(({ customers }) => customers.length > (incomplete ? 2 : 1));
  const came = rows.reduce((sum, { customers }) => sum + customers[0], 0);
  const started = `${plural(came, 'customer')} came for the first time.`;
  if (!known.length) return `${started} It is too early to say who comes back.`;
  const first = known.reduce((sum, { customers }) => sum + customers[0], 0);
  const back = known.reduce((sum, { customers }) => sum + customers[1], 0);
  return `${started} One ${unit} later ${percent(back / first, 0)} of those who could were back.`;
}
