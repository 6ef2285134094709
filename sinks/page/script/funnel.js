// The funnel: customers at each step, and the share of those who took the step before.
const STEP_NAMES = {
  visit: 'Visit',
  product_viewed: 'Product viewed',
  cart_added: 'Added to cart',
  checkout_started: 'Checkout started',
  purchased: 'Purchased',
};

function funnel() {
  const { missing } = figures.funnel;
  const steps = funnelSteps();
  if (!steps.length) return nothing('funnel', 'Nobody took a step of the funnel in this period.');
  const host = section('funnel');
  const names = missing.map((step) => STEP_NAMES[step].toLowerCase()).join(', ');
  const absent = names ? ` Not there in this period: ${names}.` : '';
  host.append(lede(saidOfFunnel(steps)), note('How the ', term('funnel', 'funnel'), ` counts.${absent}`));
  const height = () => steps.length * 52 + 12;
  const option = (width) => funnelOption(steps, width);
  const values = () =>
    steps.map(({ name, customers, ofBefore }, at) => ({
      tip: { seriesIndex: 0, dataIndex: at },
      text: `${name}: ${plural(customers, 'customer')}${at ? `, ${percent(ofBefore)} of the step before` : ''}`,
    }));
  chart(host, 'Funnel from visit to purchase', height, option, values);
  host.append(asTable(funnelTable(steps)));
}

// Each step with its shares of the step before and of the first; null where there is none, or nobody.
function funnelSteps() {
  const { steps } = figures.funnel;
  const share = (some, all) => (all ? some / all : null);
  return steps.map(({ step, customers }, at) => ({
    name: STEP_NAMES[step],
    customers,
    ofBefore: at ? share(customers, steps[at - 1].customers) : null,
    ofFirst: share(customers, steps[0].customers),
  }));
}

function funnelOption(steps, width) {
  const narrow = width < 600;
  const { axisLabel, ...rest } = axis();
  const shares = ({ ofBefore, ofFirst }, at) => [
    ...(at ? [{ name: 'Of the step before', value: percent(ofBefore) }] : []),
    { name: 'Of the first step', value: percent(ofFirst) },
  ];
  return {
    grid: { left: 4, right: narrow ? 118 : 190, top: 4, bottom: 4, containLabel: true },
    xAxis: { type: 'value', show: false, max: Math.max(1, steps[0].customers) },
    yAxis: {
      type: 'category',
      inverse: true,
      data: steps.map(({ name }) => name),
      ...rest,
      axisLine: { show: false },
      axisLabel: { ...axisLabel, color: color('ink'), width: narrow ? 84 : 160, overflow: 'break', lineHeight: 15 },
    },
    tooltip: {
      ...tooltip(),
      trigger: 'item',
      formatter: ({ dataIndex: at }) =>
        tip(steps[at].name, [{ name: 'Customers', value: count(steps[at].customers) }, ...shares(steps[at], at)]),
    },
    series: [funnelBars(steps, narrow)],
  };
}

function funnelBars(steps, narrow) {
  const said = ({ customers, ofBefore }, at) =>
    at ? `${count(customers)}${narrow ? '\n' : '   '}${percent(ofBefore, 0)} of step before` : count(customers);
  return {
    type: 'bar',
    data: steps.map(({ customers }) => customers),
    color: color('accent'),
    barWidth: 30,
    itemStyle: { borderRadius: 5 },
    showBackground: true,
    backgroundStyle: { color: color('soft'), borderRadius: 5 },
    label: {
      show: true,
      position: 'right',
      color: color('ink'),
      fontSize: 12,
      lineHeight: 15,
      formatter: ({ dataIndex: at }) => said(steps[at], at),
    },
  };
}

function funnelTable(steps) {
  return table(
    'Customers at each step',
    ['Step', 'Customers', term('of_step_before'), term('of_first')],
    steps.map(({ name, customers, ofBefore, ofFirst }) => [
      name,
      count(customers),
      percent(ofBefore),
      percent(ofFirst),
    ]),
    { id: 'steps' },
  );
}

function saidOfFunnel(steps) {
  const [first, last] = [steps[0], steps.at(-1)];
  if (steps.length < 2) return `Only one step is there: ${first.name.toLowerCase()}.`;
  const started =
    `Of ${plural(first.customers, 'customer')} at the first step ${count(last.customers)} reached the last` +
    ` (${percent(last.ofFirst)}).`;
  const [worst] = steps
    .slice(1)
    .filter(({ ofBefore }) => ofBefore !== null)
    .sort((one, other) => one.ofBefore - other.ofBefore);
  if (!worst || worst.ofBefore === 1) return started;
  const kept = percent(worst.ofBefore, 0);
  return `${started} Most are lost before \u201c${worst.name}\u201d: ${kept} of the step before take it.`;
}
