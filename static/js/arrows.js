/* Up and down through the items of a menu, round at its ends. */
const BY = { ArrowDown: 1, ArrowUp: -1 };

export const isArrow = (event) => event.key in BY;

/** What the key leads to is focused: from outside the first item, or with "up" the last. */
export function follow(event, items) {
  event.preventDefault();
  const [by, at] = [BY[event.key], items.indexOf(document.activeElement)];
  items.at(at < 0 ? Math.min(by, 0) : (at + by) % items.length)?.focus();
}
