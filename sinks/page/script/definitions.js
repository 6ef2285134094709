// A term's definition, shown on hover, focus and touch; Escape puts it away, and it stays while the pointer is on it.
const box = document.getElementById('definition');
let shownAt = null;

function term(id, label) {
  const { name, text } = figures.definitions[id];
  const button = element('button', { type: 'button', class: 'term', 'data-definition': id }, label || name);
  const show = () => showDefinition(button, name, text);
  button.addEventListener('pointerenter', show);
  button.addEventListener('focus', show);
  button.addEventListener('click', show);
  button.addEventListener('blur', hideDefinition);
  button.addEventListener('pointerleave', (event) => {
    if (event.relatedTarget !== box && document.activeElement !== button) hideDefinition();
  });
  return button;
}

function showDefinition(button, name, text) {
  hideDefinition();
  box.replaceChildren(element('strong', {}, name), text);
  box.hidden = false;
  const at = button.getBoundingClientRect();
  const room = document.documentElement.clientWidth - box.offsetWidth - 12;
  box.style.left = `${scrollX + Math.max(12, Math.min(at.left, room))}px`;
  const above = at.bottom + box.offsetHeight + 10 > innerHeight && at.top > box.offsetHeight + 10;
  box.style.top = `${scrollY + (above ? at.top - box.offsetHeight - 6 : at.bottom + 6)}px`;
  button.setAttribute('aria-describedby', 'definition');
  shownAt = button;
}

function hideDefinition() {
  if (shownAt) shownAt.removeAttribute('aria-describedby');
  box.hidden = true;
  shownAt = null;
}

box.addEventListener('pointerleave', hideDefinition);
addEventListener('keydown', (event) => event.key === 'Escape' && hideDefinition());
