// The funnel: customers at each step, and the share of those who took the step before.
const STEP_NAMES = { visit: 'Visit', product_viewed: 'Product viewed', cart_added: 'Added to cart', checkout_started: 'Checkout started', purchased: 'Purchased' };

function funnel() {
  const { steps, missing } = figures.funnel;
  if (!steps.length) return nothing('funnel', 'Nobody took a step of the funnel in this period.');
  const host = section('funnel');
  const name = ({ step }) => STEP_NAMES[step];
  const first = steps[0].customers;
  const ofBefore = (at) => (at && steps[at - 1].customers ? steps[at].customers / steps[at - 1].customers : null);
  host.append(lede(saidOfFunnel(steps, name, ofBefore)), element('p', { class: 'note' }, 'How the ', term('funnel'), ' counts.',
    missing.length ? ` Not there in this period: ${missing.map((step) => STEP_NAMES[step].toLowerCase()).join(', ')}.` : ''));
  const saidOf = (step, at) => `${name(step)}: ${plural(step.customers, 'customer')}${at ? `, ${percent(ofBefore(at))} of the step before` : ''}`;
  const option = (width) => ({
    grid: { left: 4, right: width < 600 ? 118 : 190, top: 4, bottom: 4, containLabel: true },
    xAxis: { type: 'value', show: false, max: first },
    yAxis: { type: 'category', inverse: true, data: steps.map(name), ...axis(), axisLine: { show: false }, axisLabel: { ...axis().axisLabel, color: color('ink'), fontSize: 13, width: width < 600 ? 84 : 160, overflow: 'break', lineHeight: 15 } },
    tooltip: { ...tooltip(), trigger: 'item', formatter: ({ dataIndex: at }) => tip(name(steps[at]), [
      { name: 'Customers', value: count(steps[at].customers) }, ...(at ? [{ name: 'Of the step before', value: percent(ofBefore(at)) }] : []),
      { name: 'Of the first step', value: percent(steps[at].customers / first) }]) },
    series: [{
      type: 'bar', data: steps.map(({ customers }) => customers), color: color('accent'), barWidth: 30, showBackground: true, z: 3,
      backgroundStyle: { color: color('soft'), borderRadius: 5 }, itemStyle: { borderRadius: 5 },
      label: { show: true, position: 'right', color: color('ink'), fontSize: 12, lineHeight: 15,
        formatter: ({ dataIndex: at, value }) => (at ? `${count(value)}${width < 600 ? '\n' : '   '}${percent(ofBefore(at), 0)} of step before` : count(value)) },
    }],
  });
  const values = () => steps.map((step, at) => ({ tip: { seriesIndex: 0, dataIndex: at }, text: saidOf(step, at) }));
  chart(host, 'Funnel from visit to purchase', () => steps.length * 52 + 12, option, values);
  host.append(asTable(table('Customers at each step', ['Step', 'Customers', term('of_step_before'), term('of_first')],
    steps.map((step, at) => [name(step), count(step.customers), percent(ofBefore(at)), percent(first ? step.customers / first : null)]), { id: 'steps' })));
}

function saidOfFunnel(steps, name, ofBefore) {
  if (steps.length < 2) return `Only one step is there: ${name(steps[0]).toLowerCase()}.`;
  const last = steps.length - 1;
  const worst = steps.map((_, at) => at).slice(1).filter((at) => ofBefore(at) !== null).sort((one, other) => ofBefore(one) - ofBefore(other))[0];
  const started = `Of ${plural(steps[0].customers, 'customer')} at the first step ${count(steps[last].customers)} reached the last (${percent(steps[last].customers / steps[0].customers)}).`;
  if (worst === undefined || ofBefore(worst) === 1) return started;
  return `${started} Most are lost before \u201c${name(steps[worst])}\u201d: ${percent(ofBefore(worst), 0)} of the step before take it.`;
}
