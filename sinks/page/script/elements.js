// Elements of the page. What comes from the data becomes text nodes and nothing else.
const figures = JSON.parse(document.getElementById('figures').textContent);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'swatch') made.style.setProperty('--swatch', value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

const section = (id) => document.getElementById(id);
const lede = (...said) => element('p', { class: 'lede' }, ...said);
const note = (...said) => element('p', { class: 'note' }, ...said);
const controls = (...made) => element('div', { class: 'controls' }, ...made);

function nothing(id, said) {
  section(id).append(lede(said));
}

// Radio buttons (one) or checkboxes (several) that look like chips; `chosen` are values, `onChange` gets them.
function chips(legend, type, options, chosen, onChange) {
  const group = `${legend}-${(chips.made = (chips.made || 0) + 1)}`;
  const field = element('fieldset', {}, element('legend', {}, legend));
  for (const { value, name, swatch } of options) {
    const input = element('input', { type, name: group, value, checked: chosen.includes(value) });
    input.addEventListener('change', () =>
      onChange([...field.querySelectorAll('input:checked')].map((one) => one.value)),
    );
    field.append(element('label', { class: 'chip' }, input, element('span', swatch ? { swatch } : {}, name)));
  }
  return field;
}

function choice(label, options, chosen, onChange) {
  const made = element(
    'select',
    {},
    options.map(({ value, name }) => element('option', { value, selected: value === chosen }, name)),
  );
  made.addEventListener('change', () => onChange(made.value));
  return element('label', {}, label, made);
}

// Change against the period before: of counts in percent, of shares in percentage points; null where none is known.
function change(now, before, { points = false, lessIsBetter = false, neutral = false } = {}) {
  if (before === null || before === undefined || now === null) return null;
  const difference = points ? (now - before) * 100 : before === 0 ? null : ((now - before) / before) * 100;
  if (difference === null) return now === 0 ? null : element('span', { class: 'change rose' }, 'none before');
  const text = decimal(Math.abs(difference));
  const unit = points ? `${NBSP}pp` : `${NBSP}%`;
  if (text === '0.0') return element('span', { class: 'change stayed' }, 'unchanged');
  const rose = difference > 0;
  const sign = rose ? '+' : '\u2212';
  const judged = neutral ? 'stayed' : rose === !lessIsBetter ? 'rose' : 'fell';
  return element('span', { class: `change ${judged} ${rose ? 'up' : 'down'}` }, `${sign}${text}${unit}`);
}
