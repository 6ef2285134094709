// What tests ask an opened page, as functions of `window.looking`.
window.looking = (() => {
  const skipped = 'script, style, noscript, option, .heard, .skip';

  function texts() {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { data, parentElement: element } = walker.currentNode;
      if (!data.trim() || element.closest(skipped) || !element.checkVisibility()) continue;
      found.push([data.trim(), parseFloat(getComputedStyle(element).fontSize)]);
    }
    return found;
  }

  const charts = () => [...document.querySelectorAll('.chart svg')];
  const labels = (svg) =>
    [...svg.querySelectorAll('text')].map((text) => [text.textContent, text.getBoundingClientRect()]);

  // Labels that stick out of their chart.
  function outside() {
    return charts().flatMap((svg) => {
      const room = svg.getBoundingClientRect();
      return labels(svg)
        .filter(
          ([, box]) =>
            box.left < room.left - 1 ||
            box.right > room.right + 1 ||
            box.top < room.top - 1 ||
            box.bottom > room.bottom + 1,
        )
        .map(([text]) => text);
    });
  }

  // Pairs of labels of one chart that cover each other: a line of text may touch the next.
  function overlapping() {
    return charts().flatMap((svg) =>
      labels(svg).flatMap(([text, box], at, all) =>
        all
          .slice(at + 1)
          .filter(
            ([, other]) =>
              Math.min(box.right, other.right) - Math.max(box.left, other.left) > 1 &&
              Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top) > 5,
          )
          .map(([other]) => [text, other]),
      ),
    );
  }

  const pixel = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', {
    willReadFrequently: true,
  });

  // Colours painted one over the other, as red, green and blue.
  function painted(colors) {
    pixel.clearRect(0, 0, 1, 1);
    for (const color of colors) {
      pixel.fillStyle = color;
      pixel.fillRect(0, 0, 1, 1);
    }
    return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
  }

  const behind = (element) =>
    element ? [...behind(element.parentElement), getComputedStyle(element).backgroundColor] : [];

  // Each pair of colours, text and what is behind it, with a text that has it.
  function colors() {
    const found = new Map();
    for (const element of document.querySelectorAll('body *:not(svg *)')) {
      const text = [...element.childNodes]
        .filter((node) => node.nodeType === 3)
        .map((node) => node.data.trim())
        .join('');
      if (!text || element.closest(skipped) || !element.checkVisibility()) continue;
      const pair = [painted([getComputedStyle(element).color]), painted(behind(element))];
      found.set(String(pair), [text, ...pair]);
    }
    for (const text of document.querySelectorAll('.chart text')) {
      const pair = [painted([text.getAttribute('fill')]), painted(behind(text.closest('.chart')))];
      found.set(String(pair), [text.textContent, ...pair]);
    }
    return [...found.values()];
  }

  // The focused element, or nothing at the end of the page.
  function focused() {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const style = getComputedStyle(element.matches('.chip input') ? element.nextElementSibling : element);
    const box = document.getElementById('definition');
    const room = box.getBoundingClientRect();
    const { definitions } = JSON.parse(document.getElementById('figures').textContent);
    const said = definitions[element.dataset.definition];
    return {
      html: element.outerHTML,
      seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
      defines: Boolean(said),
      expected: said ? said.name + said.text : '',
      shown: box.hidden ? '' : box.textContent,
      left: room.left,
      right: room.right,
    };
  }

  // What the policy refuses of an image, a request and a script that somebody brings in.
  async function refused(address) {
    const found = [];
    addEventListener('securitypolicyviolation', (event) => found.push(event.effectiveDirective));
    const image = Object.assign(document.createElement('img'), { src: `${address}x.png` });
    const script = Object.assign(document.createElement('script'), { textContent: 'window.ran = 1' });
    document.body.append(image, script);
    await fetch(address).catch(() => 0);
    while (found.length < 3) await new Promise((done) => setTimeout(done, 5));
    return [found.sort(), 'ran' in window];
  }

  return { texts, outside, overlapping, colors, focused, refused };
})();
