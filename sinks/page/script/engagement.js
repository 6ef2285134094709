// Engagement over time: one line a channel, what is counted can be chosen; below, the channels' totals and rates.
const CHANNELS = ['email', 'web', 'mobile', 'social', 'service'];
const CHANNEL_NAMES = { email: 'E-mail', web: 'Web', mobile: 'Mobile', social: 'Social', service: 'Service' };
const MEASURES = { touchpoints: count, active_customers: count, engaged_hours: decimal, reported_conversions: count };
const KEYS = { reported_conversions: 'conversions' };
const RATES_WHERE_LESS_IS_BETTER = ['unsubscribe_rate', 'bounce_rate'];

function engagement() {
  const { buckets, measures } = figures.engagement;
  const unit = figures.period.unit;
  const totals = figures.channels.now;
  const found = CHANNELS.filter((channel) => channel in totals);
  if (!found.length) return nothing('engagement', 'Nothing happened on any channel in this period.');
  let measure = 'touchpoints';
  let shown = found;
  const line = (channel) => measures[KEYS[measure] || measure]?.[channel] || buckets.map(() => 0);
  const host = section('engagement');
  host.append(lede(saidOfEngagement(found, totals)));
  const meaning = element('p', { class: 'note' });
  const explain = () => meaning.replaceChildren(term(measure), ` a ${unit}, UTC${unit === 'day' ? '' : `. The first and the last ${unit} count only their days in the period`}`);
  host.append(element('div', { class: 'controls' },
    choice('Show', Object.keys(MEASURES).map((value) => ({ value, name: figures.definitions[value].name })), measure, (value) => {
      measure = value;
      explain();
      one.draw();
    }),
    chips('Channels', 'checkbox', found.map((value) => ({ value, name: CHANNEL_NAMES[value], swatch: `var(--${value})` })), shown, (values) => {
      shown = values;
      one.draw();
    })), meaning);
  explain();
  const option = (width) => ({
    aria: { enabled: false },
    grid: { left: 8, right: 26, top: 16, bottom: 8, containLabel: true },
    xAxis: { type: 'category', data: buckets, boundaryGap: false, ...axis(), axisLabel: { ...axis().axisLabel, margin: 14, hideOverlap: true, formatter: (iso) => bucketTick(iso, unit) }, splitLine: { show: false } },
    yAxis: { type: 'value', minInterval: measure === 'engaged_hours' ? 0 : 1, ...axis(), axisLabel: { ...axis().axisLabel, formatter: compact } },
    tooltip: {
      ...tooltip(), trigger: 'axis', axisPointer: { lineStyle: { color: color('quiet') } },
      formatter: (items) => tip(bucketName(buckets[items[0].dataIndex], unit), items.map((item) => ({
        name: item.seriesName, value: MEASURES[measure](item.value), swatch: item.color }))),
    },
    series: shown.map((channel) => ({
      type: 'line', name: CHANNEL_NAMES[channel], data: line(channel), color: color(channel), symbol: 'circle', symbolSize: 6,
      showSymbol: buckets.length < 2, lineStyle: { width: width < 600 ? 2 : 2.5 },
    })),
  });
  const values = () => buckets.map((iso, at) => ({
    tip: { seriesIndex: 0, dataIndex: at },
    text: `${bucketName(iso, unit)}: ${shown.map((channel) => `${CHANNEL_NAMES[channel]} ${MEASURES[measure](line(channel)[at])}`).join(', ')}`,
  }));
  const one = chart(host, 'Engagement by channel over time', (width) => (width < 600 ? 260 : 320), option, values);
  host.append(asTable(table(`Touchpoints of humans a ${unit}, by channel`, [capital(unit), ...found.map((channel) => CHANNEL_NAMES[channel])],
    buckets.map((iso, at) => [bucketName(iso, unit), ...found.map((channel) => count(measures.touchpoints?.[channel]?.[at] || 0))]))));
  host.append(element('h3', {}, 'Channels in this period'), channelTable(found), element('h3', {}, 'Rates in this period'), rateTable());
}

function saidOfEngagement(found, totals) {
  const [first] = [...found].sort((one, other) => totals[other].touchpoints - totals[one].touchpoints);
  const all = found.reduce((sum, channel) => sum + totals[channel].touchpoints, 0);
  if (!all) return 'No customer spoke in this period; the company did.';
  return `Customers spoke ${count(all)} times, most on the ${CHANNEL_NAMES[first].toLowerCase()} channel (${percent(totals[first].touchpoints / all, 0)}).`;
}

function channelTable(found) {
  const { now, before } = figures.channels;
  const with_ = (channel, key, set, options) => {
    const value = now[channel][key];
    return { cell: [value === null ? ABSENT : set(value), change(value, before ? before[channel]?.[key] ?? 0 : null, options)], class: `figure-${key}` };
  };
  return table('Each channel in this period',
    ['Channel', term('touchpoints'), term('active_customers'), term('engaged_hours'), term('reported_conversions'), term('outbound'), term('machine_share')],
    found.map((channel) => [{ cell: CHANNEL_NAMES[channel], swatch: `var(--${channel})` },
      with_(channel, 'touchpoints', count), with_(channel, 'active_customers', count), with_(channel, 'engaged_hours', decimal),
      with_(channel, 'conversions', count), with_(channel, 'outbound', count, { neutral: true }), with_(channel, 'machine_share', percent, { points: true, lessIsBetter: true })]),
    { id: 'channels' });
}

function rateTable() {
  const { now, before } = figures.rates;
  const known = Object.keys(now).filter((id) => now[id] !== null);
  if (!known.length) return element('p', { class: 'note' }, 'No rate has a denominator in this period.');
  return table('Rates, over what happened in this period', ['Rate', 'Value', ...(before ? [term('change')] : [])],
    known.map((id) => [term(id), percent(now[id]), ...(before ? [change(now[id], before[id], { points: true, lessIsBetter: RATES_WHERE_LESS_IS_BETTER.includes(id) })] : [])]),
    { id: 'rates' });
}
