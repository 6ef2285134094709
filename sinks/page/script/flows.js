// The flow of journeys through their first steps, as nodes and links of a Sankey diagram.
const CONVERSION = 'Conversion';
const NO_CONVERSION = 'No conversion';
const MORE = 'More steps';

// A node's id is its step, or `end`, and its name: one channel is a node in each step.
const nameOf = (id) => id.slice(id.indexOf('|') + 1);
const isEnd = (id) => id.startsWith('end|');

// Nodes and links of the first `limit` steps; what goes on after them is one node more.
function flows(transitions, limit, convertedOnly) {
  const links = linksOf(transitions, limit, convertedOnly);
  const ids = [...new Set(links.flatMap(({ source, target }) => [source, target]))];
  const nodes = ids.map((id) => nodeOf(id, links, limit));
  // The largest on top, but conversions before what is none.
  const last = ({ id }) => Number(nameOf(id) === NO_CONVERSION);
  nodes.sort((one, other) => one.step - other.step || last(one) - last(other) || other.value - one.value);
  return { nodes, links };
}

function linksOf(transitions, limit, convertedOnly) {
  const links = new Map();
  for (const [at, origin, to, converted, journeys] of transitions) {
    // Beyond the limit only the ends count, as ends of what has more steps.
    if ((convertedOnly && !converted) || (at > limit && to)) continue;
    const step = Math.min(at, limit + 1);
    const more = `${limit + 1}|${MORE}`;
    const source = at > limit ? more : `${at}|${origin}`;
    const next = at === limit ? more : `${at + 1}|${to}`;
    const target = to ? next : `end|${converted ? CONVERSION : NO_CONVERSION}`;
    const key = JSON.stringify([source, target]);
    const link = links.get(key) || { step, source, target, value: 0, converted: 0 };
    link.value += journeys;
    link.converted += converted ? journeys : 0;
    links.set(key, link);
  }
  return [...links.values()];
}

function nodeOf(id, links, limit) {
  const through = links.filter(({ source, target }) => (id.startsWith('1|') ? source : target) === id);
  const sum = (key) => through.reduce((total, link) => total + link[key], 0);
  const step = isEnd(id) ? limit + 2 : Number(id.split('|')[0]);
  return { id, step, value: sum('value'), converted: sum('converted') };
}
