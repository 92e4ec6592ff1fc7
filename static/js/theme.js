/* Gives a figure's layout the page's colours: figures come without any but the lines' own. */

// What an x axis takes in pixels. Where less is left for it, Plotly draws the whole chart once more.
const [BELOW, BELOW_TITLED] = [32, 46];

export function themed(layout) {
  const css = getComputedStyle(document.documentElement);
  const token = (name) => css.getPropertyValue(name).trim();
  const axis = (own) => ({
    gridcolor: token("--line"), linecolor: token("--line-strong"), tickcolor: token("--line-strong"), zeroline: false,
    automargin: true, ...own, ...(own?.title && { title: { standoff: 6, font: { size: 11 }, ...own.title } }),
  });
  // Named on an axis, a spike is drawn whatever the mode.
  const spike = layout.hovermode === "x unified" && {
    spikecolor: token("--faint"), spikethickness: 1, spikedash: "solid",
  };
  const axes = Object.entries({ xaxis: {}, yaxis: {}, ...layout }).filter(([key]) => /^[xy]axis\d*$/.test(key))
    .map(([key, own]) => [key, axis(key[0] === "x" ? { ...own, ...spike } : own)]);
  const titled = axes.some(([key, { title }]) => key[0] === "x" && title);
  return {
    ...layout,
    margin: { l: 44, r: 10, t: 8, b: titled ? BELOW_TITLED : BELOW, ...layout.margin },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { ...layout.font, size: 11, color: token("--muted"), family: getComputedStyle(document.body).fontFamily },
    hoverlabel: {
      bgcolor: token("--raised"), bordercolor: token("--line-strong"), font: { color: token("--text"), size: 11 },
      ...layout.hoverlabel,
    },
    shapes: layout.shapes?.map((own) => ({ ...own, line: { color: token("--line-strong"), ...own.line } })),
    ...Object.fromEntries(axes),
  };
}
