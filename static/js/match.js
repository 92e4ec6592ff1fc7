/* Which names a search means: those with all its words, or that a /regex/ matches. */

/** name -> whether it is meant. Throws SyntaxError for a regex that is none. */
export function matcher(text) {
  const regex = /^\/(.*)\/$/.exec(text.trim());
  if (regex) {
    const wanted = new RegExp(regex[1], "i");
    return (name) => wanted.test(name);
  }
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (name) => words.every((word) => name.toLowerCase().includes(word));
}
