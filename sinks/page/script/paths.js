// The ways of journeys: a Sankey diagram of their first steps with their end, and the commonest paths as a table.
const CONVERSION = 'Conversion';
const NO_CONVERSION = 'No conversion';
const MORE = 'More steps';
const OTHER = 'Other';
const USUAL = ['Direct', 'Organic Search', 'Email', 'Organic Social', 'Paid Search', 'Paid Social', 'Referral', 'Mobile Push Notifications'];
const LONGEST_PATH = 7;
const STEPS = 4;
const ROOMY = 900;
const stepsIn = (width) => (width < 600 ? 2 : width < ROOMY ? 3 : STEPS);

function paths() {
  const { journeys: all, transitions } = figures;
  if (!all.journeys) return nothing('paths', 'No journey had its last touchpoint in this period.');
  const host = section('paths');
  host.append(lede(saidOfPaths(all)), element('p', { class: 'note' },
    term('journeys'), ' go from left to right through their ', term('steps', 'steps'), ' to their end. Widths are numbers of journeys.'));
  let only = 'all';
  host.append(element('div', { class: 'controls' }, chips('Show', 'radio',
    [{ value: 'all', name: 'All journeys' }, { value: 'converted', name: 'Those that converted' }], [only], ([value]) => {
      only = value;
      one.draw();
    })));
  const flowsNow = (width) => flows(transitions, stepsIn(width), only === 'converted');
  const option = (width) => sankey(flowsNow(width), width);
  const values = () => flowsNow(one.place.clientWidth).nodes.map((node, at) => ({ tip: { seriesIndex: 0, dataIndex: at }, text: saidOfNode(node) }));
  const one = chart(host, 'Paths of journeys through marketing channels', (width) => (width < 600 ? 460 : 520), option, values);
  const rows = flows(transitions, STEPS, false).links;
  host.append(asTable(table('Steps: from where to where journeys go', ['From', 'Step', { cell: 'To', class: 'text' }, 'Journeys', 'Of these converted'],
    rows.map((link) => [nameOf(link.source), String(link.step), { cell: nameOf(link.target), class: 'text' }, count(link.value), count(link.converted)]))));
  if (figures.paths.length) host.append(element('h3', {}, 'Commonest paths to conversion'), pathTable());
}

function saidOfPaths({ journeys, conversions, median_days: median, several_channels: several }) {
  if (!conversions) return `${plural(journeys, 'journey')}, none of which has converted so far.`;
  return `Of ${plural(journeys, 'journey')} ${count(conversions)} converted (${percent(conversions / journeys)}), half of them within ${duration(median)} ` +
    `of their first touchpoint; ${percent(several / conversions, 0)} of these met more than one marketing channel.`;
}

const nameOf = (id) => id.slice(id.indexOf('|') + 1);

// Nodes and links of the first `limit` steps; what goes on after them is one node more.
function flows(transitions, limit, convertedOnly) {
  const links = new Map();
  const add = (step, source, target, journeys, converted) => {
    const key = JSON.stringify([source, target]);
    const link = links.get(key) || { step, source, target, value: 0, converted: 0 };
    link.value += journeys;
    link.converted += converted ? journeys : 0;
    links.set(key, link);
  };
  for (const [step, origin, target, converted, journeys] of transitions) {
    if (convertedOnly && !converted) continue;
    const end = `end|${converted ? CONVERSION : NO_CONVERSION}`;
    if (step > limit) {
      if (!target) add(limit + 1, `${limit + 1}|${MORE}`, end, journeys, converted);
    } else {
      add(step, `${step}|${origin}`, !target ? end : step === limit ? `${limit + 1}|${MORE}` : `${step + 1}|${target}`, journeys, converted);
    }
  }
  const found = [...links.values()];
  const ids = [...new Set(found.flatMap(({ source, target }) => [source, target]))];
  const nodes = ids.map((id) => {
    const into = found.filter(({ target }) => target === id);
    const through = id.startsWith('1|') ? found.filter(({ source }) => source === id) : into;
    const sum = (key) => through.reduce((total, link) => total + link[key], 0);
    return { id, step: id.startsWith('end|') ? limit + 2 : Number(id.split('|')[0]), value: sum('value'), converted: sum('converted') };
  });
  return { nodes: nodes.sort((one, other) => one.step - other.step || rank(one) - rank(other) || other.value - one.value), links: found };
}

const rank = ({ id }) => (nameOf(id) === NO_CONVERSION ? 1 : 0);

function colorsOfSteps(nodes) {
  const palette = series();
  const gray = [CONVERSION, NO_CONVERSION, MORE, OTHER];
  const others = new Set(nodes.map(({ id }) => nameOf(id)).filter((name) => ![...USUAL, ...gray].includes(name)).sort());
  // The usual channels have the same colour in every report.
  const found = new Map([...USUAL, ...others].map((name, at) => [name, palette[at % palette.length]]));
  return found.set(CONVERSION, color('converted')).set(NO_CONVERSION, color('not-converted')).set(MORE, color('quiet')).set(OTHER, color('not-converted'));
}

// Where there is little room.
const shortName = (id) => nameOf(id).replace(' Notifications', '').replace(' Text Messages', '');

function headings(width, left, right, nodeWidth, limit) {
  const apart = (width - left - right - nodeWidth) / (limit + 1);
  const names = [...['1st step', '2nd step', '3rd step', '4th step'].slice(0, limit), 'Later', 'End'];
  return names.map((text, at) => ({ type: 'text', left: left + at * apart, top: 4, silent: true, style: { text, fill: color('quiet'), font: `600 12px ${getComputedStyle(document.body).fontFamily}` } }));
}

function saidOfNode({ id, step, value, converted }) {
  const where = id.startsWith('end|') ? nameOf(id) : `Step ${step}, ${nameOf(id)}`;
  return `${where}: ${plural(value, 'journey')}, ${count(converted)} of them converted`;
}

function sankey({ nodes, links }, width) {
  const colors = colorsOfSteps(nodes);
  const narrow = width < ROOMY;
  const [left, right, nodeWidth] = width < 600 ? [2, 82, 10] : narrow ? [2, 106, 12] : [2, 150, 14];
  const labelWidth = Math.max(74, Math.floor((width - left - right - nodeWidth) / (stepsIn(width) + 1)) - nodeWidth - 8);
  const tint = ({ source, target }) => (target.startsWith('end|') ? colors.get(nameOf(target)) : colors.get(nameOf(source)));
  const tipOf = (title, { value, converted }) => tip(title, [
    { name: 'Journeys', value: count(value) }, { name: 'Of these converted', value: `${count(converted)} (${percent(converted / value)})` }]);
  return {
    tooltip: {
      ...tooltip(), trigger: 'item',
      formatter: ({ dataType, data }) => (dataType === 'edge' ? tipOf(`${nameOf(data.source)} \u203a ${nameOf(data.target)}`, data) : tipOf(nameOf(data.name), data)),
    },
    graphic: headings(width, left, right, nodeWidth, stepsIn(width)),
    series: [{
      type: 'sankey', left, top: 30, bottom: 12, right, nodeWidth, nodeGap: narrow ? 18 : 14,
      // In the order given: the largest on top and the conversions first, in every column and for every period.
      draggable: false, layoutIterations: 0, emphasis: { focus: 'adjacency' },
      label: {
        color: color('ink'), fontSize: 12, width: labelWidth, overflow: narrow ? 'break' : 'truncate', lineHeight: 15,
        formatter: ({ data }) => (narrow ? shortName(data.name) : `${shortName(data.name)}  ${count(data.value)}`),
      },
      data: nodes.map(({ id, step, value, converted }) => ({ name: id, depth: step - 1, value, converted, itemStyle: { color: colors.get(nameOf(id)), borderWidth: 0 } })),
      links: links.map((link) => ({ ...link, lineStyle: { color: tint(link), opacity: link.target === `end|${CONVERSION}` ? 0.5 : 0.22 } })),
    }],
  };
}

// The middle of a long path is left out: how it began and ended says most.
const saidOfPath = (path) => (path.length <= LONGEST_PATH ? path.join(' \u203a ')
  : `${[...path.slice(0, 3), '\u2026', ...path.slice(-2)].join(' \u203a ')} (${path.length} steps)`);

function pathTable() {
  return table('Commonest paths to conversion',
    [term('path'), term('journeys'), term('conversions'), term('conversion_rate'), term('revenue'), term('median_time')],
    figures.paths.map(({ path, journeys, conversions, value, median_days: median }) => [
      { cell: saidOfPath(path), class: 'name' }, count(journeys), count(conversions), percent(conversions / journeys),
      Object.keys(value).length ? element('span', {}, Object.keys(value).sort((one, other) => value[other] - value[one]).map((currency) => element('div', {}, money(value[currency], currency)))) : null,
      duration(median)]),
    { id: 'commonest' });
}
