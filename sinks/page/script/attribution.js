// Attribution: each marketing channel or campaign under each model, in conversions or in one currency's value.
const SHOWN_MODELS = ['first', 'last_non_direct', 'linear'];
const ROW = 16;

function attribution() {
  const { models, currencies, by } = figures.attribution;
  if (!by.marketing_channel.length) return nothing('attribution', 'No conversion in this period, so there is nothing to credit.');
  const host = section('attribution');
  const modelName = (model) => figures.definitions[`model_${model}`].name;
  const palette = () => Object.fromEntries(models.map((model, at) => [model, series()[at]]));
  let shown = SHOWN_MODELS;
  let unit = 'conversions';
  let kind = 'marketing_channel';
  host.append(lede(saidOfAttribution(by.marketing_channel)), element('p', { class: 'note' },
    'The same conversions, shared out by eight rules: each bar is the sum of a channel\u2019s ', term('credit'), '.'));
  const earned = (row, model) => (unit === 'conversions' ? row.conversions[model] : row.value[unit]?.[model]) || 0;
  const set = (value) => (unit === 'conversions' ? decimal(value) : amount(value));
  const rows = () => by[kind].filter((row) => models.some((model) => earned(row, model)));
  const place = element('div');
  const redraw = () => {
    one.draw();
    place.replaceChildren(modelTable());
  };
  host.append(element('div', { class: 'controls' },
    choice('By', [{ value: 'marketing_channel', name: 'Marketing channel' }, { value: 'campaign', name: 'Campaign' }], kind, (value) => {
      kind = value;
      redraw();
    }),
    choice('In', [{ value: 'conversions', name: 'Conversions' }, ...currencies.map((value) => ({ value, name: `Value, ${value}` }))], unit, (value) => {
      unit = value;
      redraw();
    }),
    chips('Models', 'checkbox', models.map((value, at) => ({ value, name: modelName(value), swatch: `var(--series-${at + 1})` })), shown, (values) => {
      shown = values;
      one.draw();
    })));
  const option = (width) => ({
    grid: { left: 4, right: 44, top: 8, bottom: 4, containLabel: true },
    xAxis: { type: 'value', ...axis(), axisLabel: { ...axis().axisLabel, hideOverlap: true, formatter: compact }, splitNumber: width < 600 ? 3 : 6 },
    yAxis: { type: 'category', inverse: true, data: rows().map((row) => row.name), ...axis(), splitLine: { show: false },
      axisLabel: { ...axis().axisLabel, color: color('ink'), formatter: (name) => shortened(name, width < 600 ? 30 : 50),
        width: width < 600 ? 104 : 180, overflow: 'break', lineHeight: 14 } },
    tooltip: {
      ...tooltip(), trigger: 'axis', axisPointer: { type: 'shadow', shadowStyle: { color: color('quiet'), opacity: 0.12 } },
      formatter: (items) => tip(items[0].name, items.map((item) => ({ name: item.seriesName, value: set(item.value), swatch: item.color }))),
    },
    series: shown.map((model) => ({
      type: 'bar', name: modelName(model), data: rows().map((row) => earned(row, model)), color: palette()[model], barMaxWidth: 14, barGap: '10%',
      itemStyle: { borderRadius: [0, 3, 3, 0] },
      label: { show: width >= 600 && shown.length <= 3, position: 'right', color: color('quiet'), fontSize: 12, formatter: ({ value }) => set(value) },
    })),
  });
  const height = () => 48 + rows().length * Math.max(34, 14 + ROW * shown.length);
  const values = () => (shown.length ? rows().map((row, at) => ({ tip: { seriesIndex: 0, dataIndex: at },
    text: `${row.name}: ${shown.map((model) => `${modelName(model)} ${set(earned(row, model))}`).join(', ')}` })) : []);
  const modelTable = () => {
    const most = Math.max(...rows().flatMap((row) => models.map((model) => earned(row, model))));
    return table(`${unit === 'conversions' ? 'Conversions' : `Value in ${unit}`} under each model`,
      [term(kind), ...models.map((model) => term(`model_${model}`))],
      [...rows().map((row) => [{ cell: row.name, class: 'name' }, ...models.map((model) => set(earned(row, model)))]),
        [{ cell: 'All', class: 'name' }, ...models.map((model) => set(rows().reduce((sum, row) => sum + earned(row, model), 0)))]],
      { id: 'models', 'data-most': most });
  };
  const one = chart(host, 'Credit by marketing channel under the chosen models', height, option, values);
  host.append(place);
  place.replaceChildren(modelTable());
}

function saidOfAttribution(rows) {
  const moved = [...rows].sort((one, other) => gain(other) - gain(one));
  const [most] = rows;
  const [up] = moved;
  const down = moved.at(-1);
  const started = `${most.name} earns most by the linear model: ${decimal(most.conversions.linear || 0)} conversions.`;
  if (gain(up) < 0.05) return started;
  return `${started} The last touch alone would flatter ${up.name} (${decimal(up.conversions.last || 0)} instead of ${decimal(up.conversions.linear || 0)})` +
    ` and slight ${down.name} (${decimal(down.conversions.last || 0)} instead of ${decimal(down.conversions.linear || 0)}).`;
}

const gain = ({ conversions }) => (conversions.last || 0) - (conversions.linear || 0);
