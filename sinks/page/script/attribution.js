// Attribution: each marketing channel or campaign under each model, in conversions or in one currency's value.
const SHOWN_MODELS = ['first', 'last_non_direct', 'linear'];
const BAR_ROW = 16;

function attribution() {
  const { by } = figures.attribution;
  if (!by.marketing_channel.length) {
    return nothing('attribution', 'No conversion in this period, so there is nothing to credit.');
  }
  const host = section('attribution');
  const chosen = { models: SHOWN_MODELS, unit: 'conversions', kind: 'marketing_channel' };
  const place = element('div');
  const redraw = () => {
    one.draw();
    place.replaceChildren(modelTable(chosen));
  };
  const rule = 'The same conversions, shared out by several rules: each bar is the sum of a channel\u2019s ';
  host.append(
    lede(saidOfAttribution(by.marketing_channel)),
    note(rule, term('credit', 'credit'), '.'),
    attributionControls(chosen, redraw),
  );
  const one = chart(
    host,
    'Credit under the chosen models',
    () => 48 + creditedRows(chosen).length * Math.max(34, 14 + BAR_ROW * chosenModels(chosen).length),
    (width) => attributionOption(chosen, width),
    () => attributionValues(chosen),
  );
  host.append(place);
  place.replaceChildren(modelTable(chosen));
}

const modelAt = (model) => (figures.attribution.models.indexOf(model) % SERIES) + 1;
const modelColor = (model) => color(`series-${modelAt(model)}`);
const modelName = (model) => figures.definitions[`model_${model}`].name;
const earned = ({ unit }, row, model) =>
  (unit === 'conversions' ? row.conversions[model] : row.value[unit]?.[model]) || 0;

// Conversions to a tenth; money to a hundredth, but whole where any of it has thousands.
function setCredit(chosen, value) {
  if (chosen.unit === 'conversions') return decimal(value);
  const { by, rest, models } = figures.attribution;
  const values = [...by[chosen.kind], ...rest].flatMap((row) => models.map((model) => earned(chosen, row, model)));
  return decimal(value, Math.max(...values) < 1000 ? 2 : 0);
}

// Data-driven models have run by marketing channel alone.
function modelsOf({ kind }) {
  const { by, models } = figures.attribution;
  return models.filter((model) => by[kind].some(({ conversions }) => model in conversions));
}

const chosenModels = (chosen) => modelsOf(chosen).filter((model) => chosen.models.includes(model));

// Those that any model gives something in the chosen unit.
function creditedRows(chosen) {
  const { by, models } = figures.attribution;
  return by[chosen.kind].filter((row) => models.some((model) => earned(chosen, row, model)));
}

function attributionControls(chosen, redraw) {
  const { models, currencies } = figures.attribution;
  const kinds = [
    { value: 'marketing_channel', name: 'Marketing channel' },
    { value: 'campaign', name: 'Campaign' },
  ];
  const values = currencies.map((value) => ({ value, name: `Value, ${value}` }));
  const named = models.map((value) => ({ value, name: modelName(value), swatch: `var(--series-${modelAt(value)})` }));
  const choose = (name) => (value) => {
    chosen[name] = value;
    redraw();
  };
  return controls(
    choice('By', kinds, chosen.kind, choose('kind')),
    choice('In', [{ value: 'conversions', name: 'Conversions' }, ...values], chosen.unit, choose('unit')),
    chips('Models', 'checkbox', named, chosen.models, choose('models')),
  );
}

function attributionOption(chosen, width) {
  const rows = creditedRows(chosen);
  const models = chosenModels(chosen);
  const narrow = width < 600;
  const { axisLabel, ...rest } = axis();
  const label = { overflow: 'break', lineHeight: 14, formatter: (name) => shortened(name, narrow ? 30 : 50) };
  const bars = (items) =>
    items.map((item) => ({ name: item.seriesName, value: setCredit(chosen, item.value), swatch: item.color }));
  return {
    grid: { left: 4, right: 44, top: 8, bottom: 4, containLabel: true },
    xAxis: {
      type: 'value',
      splitNumber: narrow ? 3 : 6,
      ...rest,
      axisLabel: { ...axisLabel, hideOverlap: true, formatter: compact },
    },
    yAxis: {
      type: 'category',
      inverse: true,
      data: rows.map((row) => row.name),
      ...rest,
      splitLine: { show: false },
      axisLabel: { ...axisLabel, ...label, color: color('ink'), width: narrow ? 104 : 180 },
    },
    tooltip: {
      ...tooltip(),
      trigger: 'axis',
      axisPointer: { type: 'shadow', shadowStyle: { color: color('quiet'), opacity: 0.12 } },
      formatter: (items) => tip(items[0].name, bars(items)),
    },
    series: models.map((model) => creditBars(chosen, rows, model, !narrow && models.length <= 3)),
  };
}

function creditBars(chosen, rows, model, labelled) {
  return {
    type: 'bar',
    name: modelName(model),
    data: rows.map((row) => earned(chosen, row, model)),
    color: modelColor(model),
    barMaxWidth: 14,
    barGap: '10%',
    itemStyle: { borderRadius: [0, 3, 3, 0] },
    label: {
      show: labelled,
      position: 'right',
      color: color('quiet'),
      fontSize: 12,
      formatter: ({ value }) => setCredit(chosen, value),
    },
  };
}

function attributionValues(chosen) {
  const models = chosenModels(chosen);
  if (!models.length) return [];
  const said = (row) =>
    models.map((model) => `${modelName(model)} ${setCredit(chosen, earned(chosen, row, model))}`).join(', ');
  return creditedRows(chosen).map((row, at) => ({
    tip: { seriesIndex: 0, dataIndex: at },
    text: `${row.name}: ${said(row)}`,
  }));
}

function modelTable(chosen) {
  const { rest } = figures.attribution;
  const models = modelsOf(chosen);
  const rows = [...creditedRows(chosen), ...(chosen.kind === 'campaign' ? rest : [])];
  const all = (model) => rows.reduce((sum, row) => sum + earned(chosen, row, model), 0);
  const line = (name, value) => [
    { cell: name, class: 'name' },
    ...models.map((model) => setCredit(chosen, value(model))),
  ];
  return table(
    `${chosen.unit === 'conversions' ? 'Conversions' : `Value in ${chosen.unit}`} under each model`,
    [term(chosen.kind), ...models.map((model) => term(`model_${model}`))],
    [...rows.map((row) => line(row.name, (model) => earned(chosen, row, model))), line('All', all)],
    { id: 'models' },
  );
}

function saidOfAttribution(rows) {
  const by = (row, model) => row.conversions[model] || 0;
  const gain = (row) => by(row, 'last') - by(row, 'linear');
  const sorted = [...rows].sort((one, other) => gain(other) - gain(one));
  const [up, down] = [sorted[0], sorted.at(-1)];
  const instead = (row) => `${row.name} (${decimal(by(row, 'last'))} instead of ${decimal(by(row, 'linear'))})`;
  const started = `${rows[0].name} earns most by the linear model: ${decimal(by(rows[0], 'linear'))} conversions.`;
  if (gain(up) < 0.05) return started;
  return `${started} The last touch alone would flatter ${instead(up)} and slight ${instead(down)}.`;
}
