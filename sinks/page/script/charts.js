// What all charts share: colours of the page, one place to draw anew, values by arrow keys, tooltips made of elements.
const drawn = [];
// Fits between the margins of A4 and of Letter.
const PAPER_WIDTH = 640;
// As many colours as page.css has.
const SERIES = 12;
let printing = false;
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const series = () => Array.from({ length: SERIES }, (_, at) => color(`series-${at + 1}`));
const still = matchMedia('(prefers-reduced-motion: reduce)');

// `option(width)` gives ECharts' option, `values()` what the arrow keys go through: [{ text, tip }], tip as showTip has
// it, `height(width)` pixels.
function chart(host, label, height, option, values) {
  const place = element('div', {
    class: 'chart',
    role: 'img',
    tabindex: '0',
    'aria-label': `${label}. Arrow keys read the values.`,
  });
  host.append(place);
  const made = echarts.init(place, null, {
    renderer: 'svg',
    width: place.clientWidth || 320,
    height: height(place.clientWidth),
  });
  const one = { place, made, at: -1, width: place.clientWidth, draw };
  function draw() {
    one.width = printing ? PAPER_WIDTH : place.clientWidth || one.width;
    made.resize({ width: one.width, height: height(one.width) });
    made.setOption(
      { animation: !still.matches, animationDuration: 300, ...common(), ...option(one.width) },
      { notMerge: true },
    );
  }
  place.addEventListener('keydown', (event) => readValues(event, one, values()));
  place.addEventListener('blur', () => made.dispatchAction({ type: 'hideTip' }));
  drawn.push(one);
  draw();
  new ResizeObserver(() => !printing && place.clientWidth && place.clientWidth !== one.width && draw()).observe(place);
  return one;
}

const common = () => ({
  textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 13, color: color('ink') },
  tooltip: { ...tooltip(), trigger: 'item' },
});

const tooltip = () => ({
  confine: true,
  backgroundColor: color('surface'),
  borderColor: color('line'),
  padding: [8, 12],
  transitionDuration: 0,
  extraCssText: 'max-width: min(380px, 82vw); white-space: normal; overflow-wrap: anywhere;',
});

function tip(title, rows) {
  return element(
    'div',
    { class: 'tip' },
    element('b', {}, title),
    rows.map(({ name, value, swatch }) =>
      element(
        'div',
        {},
        element('span', {}, swatch ? element('i', { swatch }) : null, name),
        element('span', {}, value),
      ),
    ),
  );
}

const axis = () => ({
  axisLabel: { color: color('quiet'), fontSize: 12 },
  axisLine: { lineStyle: { color: color('line') } },
  axisTick: { show: false },
  splitLine: { lineStyle: { color: color('line') } },
});

function readValues(event, one, values) {
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  if (event.key === 'Escape') one.made.dispatchAction({ type: 'hideTip' });
  if (!(event.key in steps) || !values.length) return;
  event.preventDefault();
  one.at = Math.max(0, Math.min(values.length - 1, one.at + steps[event.key]));
  const { text, tip: what } = values[one.at];
  one.made.dispatchAction({ type: 'showTip', ...what });
  section('spoken').textContent = text;
}

function drawAll() {
  for (const one of drawn) one.draw();
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
still.addEventListener('change', drawAll);

// Paper is light whatever the screen is, and has the definitions, since nothing can be pointed at.
function onPaper(begins) {
  printing = begins;
  document.documentElement.toggleAttribute('data-print', begins);
  section('definitions').open = begins;
  drawAll();
  for (const { made } of drawn) made.getZr().flush();
}
addEventListener('beforeprint', () => onPaper(true));
addEventListener('afterprint', () => onPaper(false));
