// Engagement over time: one line a channel, what is counted can be chosen; below, the channels' totals and rates.
const CHANNELS = ['email', 'web', 'mobile', 'social', 'service'];
const CHANNEL_NAMES = { email: 'E-mail', web: 'Web', mobile: 'Mobile', social: 'Social', service: 'Service' };
// How each measure is set, by the id of its definition; its key in the data is the same but for one.
const MEASURES = { touchpoints: count, active_customers: count, engaged_hours: decimal, reported_conversions: count };
const KEYS = { reported_conversions: 'conversions' };
const RATES_WHERE_LESS_IS_BETTER = ['unsubscribe_rate', 'bounce_rate'];

function engagement() {
  const found = CHANNELS.filter((channel) => channel in figures.channels.now);
  if (!found.length) return nothing('engagement', 'Nothing happened on any channel in this period.');
  const host = section('engagement');
  const chosen = { measure: 'touchpoints', channels: found };
  let one = null;
  const meaning = note();
  const redraw = () => {
    meaning.replaceChildren(term(chosen.measure), aUnit());
    one?.draw();
  };
  host.append(lede(saidOfEngagement(found)), engagementControls(chosen, found, redraw), meaning);
  redraw();
  one = chart(
    host,
    'Engagement by channel over time',
    (width) => (width < 600 ? 260 : 320),
    (width) => engagementOption(chosen, width),
    () => engagementValues(chosen),
  );
  host.append(asTable(engagementTable(found)));
  host.append(element('h3', {}, 'Channels in this period'), channelTable(found));
  host.append(element('h3', {}, 'Rates in this period'), rateTable());
}

function aUnit() {
  const { unit } = figures.period;
  const cut = `. The first and the last ${unit} count only their days in the period`;
  return ` a ${unit}, UTC${unit === 'day' ? '' : cut}`;
}

function saidOfEngagement(found) {
  const spoke = (channel) => figures.channels.now[channel].touchpoints;
  const [first] = [...found].sort((one, other) => spoke(other) - spoke(one));
  const all = found.reduce((sum, channel) => sum + spoke(channel), 0);
  if (!all) return 'No customer spoke in this period; the company did.';
  const share = percent(spoke(first) / all, 0);
  return `Customers spoke ${count(all)} times, most on the ${CHANNEL_NAMES[first].toLowerCase()} channel (${share}).`;
}

function engagementControls(chosen, found, redraw) {
  const measures = Object.keys(MEASURES).map((value) => ({ value, name: figures.definitions[value].name }));
  const channels = found.map((value) => ({ value, name: CHANNEL_NAMES[value], swatch: `var(--${value})` }));
  const choose = (name) => (value) => {
    chosen[name] = value;
    redraw();
  };
  return controls(
    choice('Show', measures, chosen.measure, choose('measure')),
    chips('Channels', 'checkbox', channels, found, choose('channels')),
  );
}

// One figure a bucket; 0 where nothing happened.
function lineOf(measure, channel) {
  const { buckets, measures } = figures.engagement;
  return measures[KEYS[measure] || measure]?.[channel] || buckets.map(() => 0);
}

function engagementOption({ measure, channels }, width) {
  const { buckets } = figures.engagement;
  const { unit } = figures.period;
  const { axisLabel, ...rest } = axis();
  const ticks = { ...axisLabel, margin: 14, hideOverlap: true, formatter: (iso) => bucketTick(iso, unit) };
  const rows = (items) =>
    items.map(({ seriesName, value, color: swatch }) => ({
      name: seriesName,
      value: MEASURES[measure](value),
      swatch,
    }));
  return {
    grid: { left: 8, right: 26, top: 16, bottom: 8, containLabel: true },
    xAxis: {
      type: 'category',
      data: buckets,
      boundaryGap: false,
      ...rest,
      axisLabel: ticks,
      splitLine: { show: false },
    },
    yAxis: {
      type: 'value',
      minInterval: measure === 'engaged_hours' ? 0 : 1,
      ...rest,
      axisLabel: { ...axisLabel, formatter: compact },
    },
    tooltip: {
      ...tooltip(),
      trigger: 'axis',
      axisPointer: { lineStyle: { color: color('quiet') } },
      formatter: (items) => tip(bucketName(buckets[items[0].dataIndex], unit), rows(items)),
    },
    series: channels.map((channel) => ({
      type: 'line',
      name: CHANNEL_NAMES[channel],
      data: lineOf(measure, channel),
      color: color(channel),
      symbol: 'circle',
      symbolSize: 6,
      showSymbol: buckets.length < 2,
      lineStyle: { width: width < 600 ? 2 : 2.5 },
    })),
  };
}

function engagementValues({ measure, channels }) {
  const said = (channel, at) => `${CHANNEL_NAMES[channel]} ${MEASURES[measure](lineOf(measure, channel)[at])}`;
  return figures.engagement.buckets.map((iso, at) => ({
    tip: { seriesIndex: 0, dataIndex: at },
    text: `${bucketName(iso, figures.period.unit)}: ${channels.map((channel) => said(channel, at)).join(', ')}`,
  }));
}

function engagementTable(found) {
  const { unit } = figures.period;
  return table(
    `Touchpoints of humans a ${unit}, by channel`,
    [capital(unit), ...found.map((channel) => CHANNEL_NAMES[channel])],
    figures.engagement.buckets.map((iso, at) => [
      bucketName(iso, unit),
      ...found.map((channel) => count(lineOf('touchpoints', channel)[at])),
    ]),
  );
}

function channelTable(found) {
  const { now, before } = figures.channels;
  const columns = [
    ['touchpoints', 'touchpoints', count],
    ['active_customers', 'active_customers', count],
    ['engaged_hours', 'engaged_hours', decimal],
    ['reported_conversions', 'conversions', count],
    ['outbound', 'outbound', count, { neutral: true }],
    ['machine_share', 'machine_share', percent, { points: true, lessIsBetter: true }],
  ];
  const cell = (channel, key, set, options) => {
    const value = now[channel][key];
    const earlier = before ? (before[channel]?.[key] ?? 0) : null;
    return { cell: [value === null ? ABSENT : set(value), change(value, earlier, options)] };
  };
  return table(
    'Each channel in this period',
    ['Channel', ...columns.map(([id]) => term(id))],
    found.map((channel) => [
      { cell: CHANNEL_NAMES[channel], swatch: `var(--${channel})` },
      ...columns.map(([, key, set, options]) => cell(channel, key, set, options)),
    ]),
    { id: 'channels' },
  );
}

function rateTable() {
  const { now, before } = figures.rates;
  const known = Object.keys(now).filter((id) => now[id] !== null);
  if (!known.length) return note('No rate has a denominator in this period.');
  const changed = (id) =>
    change(now[id], before[id], { points: true, lessIsBetter: RATES_WHERE_LESS_IS_BETTER.includes(id) });
  return table(
    'Rates, over what happened in this period',
    ['Rate', 'Value', ...(before ? [term('change')] : [])],
    known.map((id) => [term(id), percent(now[id]), ...(before ? [changed(id)] : [])]),
    { id: 'rates' },
  );
}
