"""Measured in the page: each is an expression that is evaluated there."""

# Every text that is seen against what is behind it, by WCAG 2: 4.5, or 3 where it is large.
contrasts = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const parse = (text) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = (c) => {
    const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const circle = element.closest('svg g.node, svg a.node')?.querySelector('circle');
    if (circle && element.classList?.contains('sign')) return parse(getComputedStyle(circle).fill);
    const layers = [];
    for (let each = element; each; each = each.parentElement) layers.push(parse(getComputedStyle(each).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const faint = [];
  let least = 21, seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility() || element.closest('title, .aside, option, noscript, .skip')) continue;
    const style = getComputedStyle(element);
    const under = ground(element);
    const colour = over(parse(element.closest('svg') ? style.fill : style.color), under);
    const [a, b] = [light(colour), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    seen += 1;
    least = Math.min(least, ratio);
    if (ratio < needed) faint.push(`${walker.currentNode.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return seen > 5 ? { faint, least } : null;
})()"""

# What can be used and has no name, roughly as a browser computes names.
names_of_all = """(() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]):not([hidden]), select, textarea, summary, [tabindex="0"], svg[role]')]
  .filter((each) => each.checkVisibility())
  .filter((each) => !(each.getAttribute('aria-label') || each.textContent.trim() || each.labels?.length))
  .map((each) => each.outerHTML.slice(0, 120)))()"""

# How wide the page is, and what sticks out of it that does not scroll by itself.
overflow = """(() => {
  const width = document.documentElement.clientWidth;
  const out = [...document.querySelectorAll('body *')].filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > width + 1
    && !each.closest('.scroll, pre, .aside, .skip, dialog')).map((each) => each.outerHTML.slice(0, 100));
  return { page: document.documentElement.scrollWidth, out: out.slice(0, 3) };
})()"""

# What axe-core finds, once its source was evaluated.
keeps_out = """axe.run(document, { resultTypes: ['violations'] })
  .then((result) => result.violations.map((each) => `${each.id}: ${each.nodes[0].html.slice(0, 300)}`))"""
