// The ways of journeys: a Sankey diagram of their first steps with their end, and the commonest paths as a table.
const OTHER = 'Other';
const USUAL = [
  'Direct',
  'Organic Search',
  'Email',
  'Organic Social',
  'Paid Search',
  'Paid Social',
  'Referral',
  'Mobile Push Notifications',
];
const LONGEST_PATH = 7;
const ALL_STEPS = 4;
const ROOMY = 900;
const NARROW = 600;
const stepsIn = (width) => (width < NARROW ? 2 : width < ROOMY ? 3 : ALL_STEPS);

function paths() {
  const { journeys, transitions } = figures;
  if (!journeys.journeys) return nothing('paths', 'No journey had its last touchpoint in this period.');
  const host = section('paths');
  let convertedOnly = false;
  const options = [
    { value: 'all', name: 'All journeys' },
    { value: 'converted', name: 'Those that converted' },
  ];
  const choose = ([value]) => {
    convertedOnly = value === 'converted';
    one.draw();
  };
  const way = [' go from left to right through their ', term('steps', 'steps'), ' to their end.'];
  host.append(
    lede(saidOfPaths(journeys)),
    note(term('journeys'), ...way, ' Widths are numbers of journeys.'),
    controls(chips('Show', 'radio', options, ['all'], choose)),
  );
  const flowing = (width) => flows(transitions, stepsIn(width), convertedOnly);
  const one = chart(
    host,
    'Paths of journeys through marketing channels',
    (width) => (width < NARROW ? 460 : 520),
    (width) => sankey(flowing(width), width),
    () =>
      flowing(one.width).nodes.map((node, at) => ({ tip: { seriesIndex: 0, dataIndex: at }, text: saidOfNode(node) })),
  );
  host.append(asTable(stepTable(flows(transitions, ALL_STEPS, false))));
  if (figures.paths.length) host.append(element('h3', {}, 'Commonest paths to conversion'), pathTable());
}

function saidOfPaths({ journeys, conversions, median_days: median, several_channels: several }) {
  if (!conversions) return `${plural(journeys, 'journey')}, none of which has converted so far.`;
  const rate = percent(conversions / journeys);
  return (
    `Of ${plural(journeys, 'journey')} ${count(conversions)} converted (${rate}), half of them within` +
    ` ${duration(median)} of their first touchpoint; ${percent(several / conversions, 0)} of these met more than one` +
    ' marketing channel.'
  );
}

function saidOfNode({ id, step, value, converted }) {
  const where = isEnd(id) ? nameOf(id) : `Step ${step}, ${nameOf(id)}`;
  return `${where}: ${plural(value, 'journey')}, ${count(converted)} of them converted`;
}

function colorsOfSteps(nodes) {
  const palette = series();
  const fixed = {
    [CONVERSION]: 'converted',
    [NO_CONVERSION]: 'not-converted',
    [MORE]: 'quiet',
    [OTHER]: 'not-converted',
  };
  const names = nodes.map(({ id }) => nameOf(id)).filter((name) => !USUAL.includes(name) && !(name in fixed));
  // The usual channels have the same colour in every report.
  const found = new Map([...USUAL, ...new Set(names.sort())].map((name, at) => [name, palette[at % palette.length]]));
  for (const [name, variable] of Object.entries(fixed)) found.set(name, color(variable));
  return found;
}

// Where everything is, by how much room there is.
function sankeyLayout(width) {
  const [right, nodeWidth, nodeGap] = width < NARROW ? [82, 10, 18] : width < ROOMY ? [106, 12, 18] : [150, 14, 14];
  const left = 2;
  const limit = stepsIn(width);
  const apart = (width - left - right - nodeWidth) / (limit + 1);
  return { left, right, nodeWidth, nodeGap, limit, apart };
}

function headings({ left, apart, limit }) {
  const names = [...['1st step', '2nd step', '3rd step', '4th step'].slice(0, limit), 'Later', 'End'];
  const font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
  return names.map((text, at) => ({
    type: 'text',
    left: left + at * apart,
    top: 4,
    silent: true,
    style: { text, fill: color('quiet'), font },
  }));
}

function sankeyLabel({ apart, nodeWidth }, width) {
  const shortName = ({ name }) => nameOf(name).replace(' Notifications', '').replace(' Text Messages', '');
  const counted = ({ data }) => `${shortName(data)}  ${count(data.value)}`;
  return {
    color: color('ink'),
    fontSize: 12,
    lineHeight: 15,
    width: Math.max(74, Math.floor(apart) - nodeWidth - 8),
    overflow: width < ROOMY ? 'break' : 'truncate',
    formatter: width < ROOMY ? ({ data }) => shortName(data) : counted,
  };
}

function sankeyTip({ dataType, data }) {
  const title = dataType === 'edge' ? `${nameOf(data.source)} \u203a ${nameOf(data.target)}` : nameOf(data.name);
  return tip(title, [
    { name: 'Journeys', value: count(data.value) },
    { name: 'Of these converted', value: `${count(data.converted)} (${percent(data.converted / data.value)})` },
  ]);
}

function sankey({ nodes, links }, width) {
  const colors = colorsOfSteps(nodes);
  const layout = sankeyLayout(width);
  const { left, right, nodeWidth, nodeGap } = layout;
  const tint = ({ source, target }) => ({
    color: colors.get(nameOf(isEnd(target) ? target : source)),
    opacity: nameOf(target) === CONVERSION ? 0.5 : 0.22,
  });
  return {
    tooltip: { ...tooltip(), trigger: 'item', formatter: sankeyTip },
    graphic: headings(layout),
    series: [
      {
        type: 'sankey',
        ...{ left, right, top: 30, bottom: 12, nodeWidth, nodeGap },
        // In the order given: the same for every period.
        layoutIterations: 0,
        draggable: false,
        emphasis: { focus: 'adjacency' },
        label: sankeyLabel(layout, width),
        data: nodes.map(({ id, step, value, converted }) => ({
          ...{ name: id, depth: step - 1, value, converted },
          itemStyle: { color: colors.get(nameOf(id)), borderWidth: 0 },
        })),
        links: links.map((link) => ({ ...link, lineStyle: tint(link) })),
      },
    ],
  };
}

function stepTable({ links }) {
  return table(
    'Steps: from where to where journeys go',
    ['From', 'Step', { cell: 'To', class: 'text' }, 'Journeys', 'Of these converted'],
    links.map(({ source, step, target, value, converted }) => [
      nameOf(source),
      String(step),
      { cell: nameOf(target), class: 'text' },
      count(value),
      count(converted),
    ]),
  );
}

// The middle of a long path is left out: how it began and ended says most.
function saidOfPath(path) {
  if (path.length <= LONGEST_PATH) return path.join(' \u203a ');
  return `${[...path.slice(0, 3), '\u2026', ...path.slice(-2)].join(' \u203a ')} (${path.length} steps)`;
}

function pathTable() {
  const worth = (value) =>
    Object.keys(value)
      .sort((one, other) => value[other] - value[one])
      .map((currency) => element('div', {}, money(value[currency], currency)));
  return table(
    'Commonest paths to conversion',
    ['path', 'journeys', 'conversions', 'conversion_rate', 'revenue', 'median_time'].map((id) => term(id)),
    figures.paths.map(({ path, journeys, conversions, value, median_days: median }) => [
      { cell: saidOfPath(path), class: 'name' },
      count(journeys),
      count(conversions),
      percent(conversions / journeys),
      Object.keys(value).length ? element('span', {}, worth(value)) : null,
      duration(median),
    ]),
    { id: 'commonest' },
  );
}
