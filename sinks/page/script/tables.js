// Tables. A cell is text, an element, a list of them, or { cell, class, swatch }; a row's first cell names it.
function table(caption, head, rows, attributes = {}) {
  const made = element(
    'table',
    attributes,
    element('caption', {}, caption),
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        head.map((cell) => tableCell('th', cell, { scope: 'col' })),
      ),
    ),
    element(
      'tbody',
      {},
      rows.map((row) =>
        element(
          'tr',
          {},
          row.map((cell, at) => (at ? tableCell('td', cell) : tableCell('th', cell, { scope: 'row' }))),
        ),
      ),
    ),
  );
  return scrolling(element('div', { class: 'scroll' }, made), caption);
}

// A place for the keyboard only where there is something to scroll.
function scrolling(place, label) {
  new ResizeObserver(() => {
    const wide = place.scrollWidth > place.clientWidth;
    for (const [name, value] of Object.entries({ tabindex: '0', role: 'region', 'aria-label': label })) {
      if (wide) place.setAttribute(name, value);
      else place.removeAttribute(name);
    }
  }).observe(place);
  return place;
}

function tableCell(tag, cell, attributes = {}) {
  const plain = cell === null || cell === undefined || cell.cell === undefined;
  if (plain) return element(tag, attributes, cell === null ? ABSENT : cell);
  return element(
    tag,
    { ...attributes, class: cell.class },
    cell.swatch ? element('span', { class: 'swatch', swatch: cell.swatch }, cell.cell) : cell.cell,
  );
}

const asTable = (...tables) => element('details', {}, element('summary', {}, 'Figures as a table'), ...tables);
