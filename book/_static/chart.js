// Draws the estimates that a page holds as JSON, and says each under a pointer, finger or arrow key.
// The chart is a slider to a keyboard and a screen reader: what it stands at is said in words.
{
  const NS = "http://www.w3.org/2000/svg";
  const COLOURS = ["--chart-1", "--chart-2", "--chart-3", "--chart-4"];
  const MARKS = ["circle", "square", "up", "diamond"];
  const EDGE = { left: 52, right: 12, top: 10, bottom: 34 };

  const add = (parent, name, attributes = {}, text = "") => {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    parent.append(made);
    return made;
  };
  const made = (name, attributes = {}, text = "") => {
    const one = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    one.textContent = text;
    return one;
  };
  const said = (number) => (Math.abs(number) < 0.0005 ? "0" : number.toFixed(3)).replace("-", "−");

  // Round steps: one, two or five of a power of ten.
  const ticks = (low, high, number) => {
    const raw = (high - low) / number;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw);
    const found = [];
    for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) found.push(at * step);
    return found.map((one) => [one, one.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9))).replace("-", "−")]);
  };

  const mark = (parent, shape, x, y, size, attributes) => {
    const path = {
      circle: `M${x - size} ${y}a${size} ${size} 0 1 0 ${2 * size} 0a${size} ${size} 0 1 0 ${-2 * size} 0`,
      square: `M${x - size} ${y - size}h${2 * size}v${2 * size}h${-2 * size}z`,
      up: `M${x} ${y - 1.2 * size}l${1.2 * size} ${2.2 * size}h${-2.4 * size}z`,
      diamond: `M${x} ${y - 1.4 * size}l${1.4 * size} ${1.4 * size}l${-1.4 * size} ${1.4 * size}l${-1.4 * size} ${-1.4 * size}z`,
    }[shape];
    return add(parent, "path", { d: path, ...attributes });
  };

  class Chart {
    constructor(figure, holder) {
      this.data = JSON.parse(holder.textContent);
      this.count = this.data.estimate.length;
      this.texts = Object.entries(this.data.texts);
      this.by = this.data.along === "time" ? 0 : -1;
      this.at = this.data.planned && this.data.planned.length ? this.data.planned[0] : 0;
      this.order = [...Array(this.count).keys()];
      this.build(figure);
      this.draw();
      new ResizeObserver(() => this.draw()).observe(this.box);
    }

    build(figure) {
      const title = figure.querySelector("figcaption");
      this.box = made("div", {
        class: "chart-box", tabindex: "0", role: "slider", "aria-orientation": "horizontal",
        "aria-label": `Estimates of ${title ? title.textContent.trim() : "the figure"}; arrow keys step through them`,
        "aria-valuemin": "1", "aria-valuemax": String(this.count),
      });
      this.words = made("p", { class: "chart-said" });
      const whole = made("div", { class: "chart-whole" });
      if (this.data.along === "rank") whole.append(this.chooser());
      whole.append(this.legend = made("p", { class: "chart-legend" }), this.box, this.words);
      const picture = figure.querySelector(".figure-box");
      // Paper shows the picture, which must be there when it is asked for.
      picture.querySelectorAll("img.only-light").forEach((one) => (one.loading = "eager"));
      picture.before(whole);
      if (this.data.along === "rank") {
        // The picture has a mark for each choice, which the chart says one at a time.
        const fold = made("details", { class: "folded" });
        fold.append(made("summary", {}, "The same as a picture, with a mark for each choice"));
        picture.replaceWith(fold);
        fold.append(picture);
      } else figure.classList.add("charted");
      this.box.addEventListener("keydown", (event) => this.key(event));
      this.box.addEventListener("pointermove", (event) => this.point(event));
      this.box.addEventListener("pointerdown", (event) => this.point(event));
    }

    chooser() {
      const label = made("label", { class: "chart-by" }, "Colour by ");
      const select = made("select");
      select.append(made("option", { value: "-1" }, "nothing"));
      this.texts.forEach(([name, { said }], n) => {
        if (said.length > 1 && said.length <= COLOURS.length) select.append(made("option", { value: String(n) }, name));
      });
      select.addEventListener("change", () => { this.by = Number(select.value); this.draw(); });
      label.append(select);
      return label;
    }

    series(n) { return this.by < 0 ? 0 : this.texts[this.by][1].of[n]; }
    colour(n) { return `var(${COLOURS[this.series(n) % COLOURS.length]})`; }

    // Places of the points: by event time, series side by side; by name or rank, in their order.
    places(width) {
      const inner = width - EDGE.left - EDGE.right;
      if (this.data.along !== "time") {
        const step = inner / this.count;
        return this.order.map((n) => EDGE.left + step * (n + 0.5));
      }
      const [low, high] = [Math.min(...this.data.at), Math.max(...this.data.at)];
      const sets = this.texts[0][1].said.length;
      const step = inner / (high - low + 1);
      return this.order.map((n) => EDGE.left + step * (this.data.at[n] - low + 0.5
        + (this.series(n) - (sets - 1) / 2) * Math.min(0.24, 0.6 / sets)));
    }

    draw() {
      const width = this.box.clientWidth;
      if (!width) return;
      const height = Math.max(240, Math.min(380, width * 0.55));
      const { data } = this;
      const ends = ["estimate", "lower", "upper", "band_lower", "band_upper", "target"]
        .flatMap((name) => data[name] || []).filter((one) => one !== null);
      let [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
      [low, high] = [low - (high - low) * 0.04, high + (high - low) * 0.04];
      this.x = this.places(width);
      this.y = (value) => EDGE.top + (high - value) / (high - low) * (height - EDGE.top - EDGE.bottom);
      this.box.replaceChildren();
      const svg = add(this.box, "svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
      for (const [value, text] of ticks(low, high, height / 60)) {
        add(svg, "line", { x1: EDGE.left, x2: width - EDGE.right, y1: this.y(value), y2: this.y(value), class: "chart-grid" });
        add(svg, "text", { x: EDGE.left - 8, y: this.y(value) + 4, "text-anchor": "end" }, text);
      }
      add(svg, "line", { x1: EDGE.left, x2: width - EDGE.right, y1: this.y(0), y2: this.y(0), class: "chart-zero" });
      this.foot(svg, width, height);
      this.points(svg);
      this.ring = add(svg, "circle", { r: "7", class: "chart-ring" });
      this.key_to();
      this.show();
    }

    foot(svg, width, height) {
      const below = height - EDGE.bottom + 16;
      const middle = { x: (EDGE.left + width - EDGE.right) / 2, y: height - 3, "text-anchor": "middle" };
      if (this.data.along === "time") {
        [...new Set(this.data.at)].forEach((at) => {
          const x = this.x[this.data.at.indexOf(at)] - (this.texts[0][1].said.length > 1 ? this.shift() : 0);
          add(svg, "text", { x, y: below, "text-anchor": "middle" }, String(at).replace("-", "−"));
        });
        add(svg, "text", middle, "years since the first treated year");
      } else if (this.data.along === "rank") {
        add(svg, "text", middle, `${this.count} specifications, from the lowest estimate`);
      } else {
        // Names are long: a number stands below each, and the words under the chart say it.
        this.order.forEach((n) => add(svg, "text", { x: this.x[n], y: below, "text-anchor": "middle" }, this.short(n)));
      }
    }

    shift() {
      const sets = this.texts[0][1].said.length;
      const step = (this.box.clientWidth - EDGE.left - EDGE.right) / (Math.max(...this.data.at) - Math.min(...this.data.at) + 1);
      return step * -((sets - 1) / 2) * Math.min(0.24, 0.6 / sets);
    }

    name(n) { return this.texts[0][1].said[this.texts[0][1].of[n]]; }
    short(n) { return (this.name(n).match(/^C\d+/) || [String(n + 1)])[0]; }

    points(svg) {
      const { data, count } = this;
      const many = data.along === "rank";
      this.order.forEach((n) => {
        const [x, colour] = [this.x[n], this.colour(n)];
        const bar = (ends, attributes) => ends[0] && ends[0][n] !== null && ends[1][n] !== null
          && add(svg, "line", { x1: x, x2: x, y1: this.y(ends[0][n]), y2: this.y(ends[1][n]), ...attributes });
        bar([data.band_lower, data.band_upper], { stroke: colour, "stroke-width": "1" });
        bar([data.lower, data.upper], many
          ? { class: "chart-wash", "stroke-width": Math.max(1, (this.box.clientWidth - 64) / count) }
          : { stroke: colour, "stroke-width": "2.6" });
      });
      this.order.forEach((n) => {
        const half = many ? 1.5 : 8;
        if (data.target && data.target[n] !== null)
          add(svg, "line", { x1: this.x[n] - half, x2: this.x[n] + half, y1: this.y(data.target[n]), y2: this.y(data.target[n]), class: "chart-aim" });
      });
      this.order.forEach((n) => mark(svg, MARKS[this.series(n) % MARKS.length], this.x[n], this.y(data.estimate[n]), many ? 1.6 : 3.6, { fill: this.colour(n) }));
      (data.planned || []).forEach((n) => mark(svg, "diamond", this.x[n], this.y(data.estimate[n]), 5, { class: "chart-planned" }));
    }

    key_to() {
      const entry = (shape, colour, text) => {
        const one = made("span");
        const svg = add(one, "svg", { width: "16", height: "12", "aria-hidden": "true" });
        if (shape === "aim") add(svg, "line", { x1: 1, x2: 15, y1: 6, y2: 6, class: "chart-aim" });
        else if (shape === "planned") mark(svg, "diamond", 8, 6, 4, { class: "chart-planned" });
        else mark(svg, shape, 8, 6, 3.6, { fill: colour });
        one.append(` ${text}`);
        return one;
      };
      const names = this.by < 0 ? [] : this.texts[this.by][1].said;
      this.legend.replaceChildren(
        ...names.map((text, n) => entry(MARKS[n % MARKS.length], `var(${COLOURS[n % COLOURS.length]})`, text)),
        ...(this.data.target ? [entry("aim", "", "aim")] : []),
        ...(this.data.planned && this.data.planned.length ? [entry("planned", "", "as planned")] : []),
      );
    }

    show() {
      const { data, at } = this;
      this.ring.setAttribute("cx", this.x[at]);
      this.ring.setAttribute("cy", this.y(data.estimate[at]));
      const range = (low, high) => `${said(low)} to ${said(high)}`;
      const parts = [said(data.estimate[at])];
      if (data.lower[at] !== null && data.upper[at] !== null) parts.push(`95 % interval ${range(data.lower[at], data.upper[at])}`);
      if (data.band_lower && data.band_lower[at] !== null) parts.push(`for all periods ${range(data.band_lower[at], data.band_upper[at])}`);
      if (data.target && data.target[at] !== null) parts.push(`${data.along === "time" ? "dashed aim" : "aims at"} ${said(data.target[at])}`);
      const head = {
        time: () => `${this.name(at)}, year ${String(data.at[at]).replace("-", "−")}`,
        rank: () => `Specification ${at + 1} of ${this.count}${(data.planned || []).includes(at) ? ", as planned" : ""}`,
        name: () => `${/^C\d/.test(this.name(at)) ? "" : `${at + 1}. `}${this.name(at)}`,
      }[data.along]();
      const choices = data.along === "rank"
        ? this.texts.filter(([, { said: all }]) => all.length > 1).map(([name, { said: all, of }]) => `${name}: ${all[of[at]]}`) : [];
      this.words.replaceChildren(made("strong", {}, `${head}: `), `${parts.join("; ")}.`);
      if (choices.length) {
        const list = made("span", { class: "chart-choices" });
        choices.forEach((one) => list.append(made("span", {}, one), " "));
        this.words.append(list);
      }
      this.box.setAttribute("aria-valuenow", String(at + 1));
      this.box.setAttribute("aria-valuetext", `${head}: ${[...parts, ...choices].join("; ")}`);
    }

    key(event) {
      const page = Math.max(1, Math.round(this.count / 10));
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: page, PageDown: -page }[event.key];
      const end = { Home: 0, End: this.count - 1 }[event.key];
      if (step === undefined && end === undefined) return;
      event.preventDefault();
      this.at = end === undefined ? Math.min(this.count - 1, Math.max(0, this.at + step)) : end;
      this.show();
    }

    point(event) {
      const box = this.box.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      const far = (n) => Math.abs(this.x[n] - x) + 0.05 * Math.abs(this.y(this.data.estimate[n]) - y);
      this.at = this.order.reduce((best, n) => (far(n) < far(best) ? n : best), 0);
      this.show();
    }
  }

  window.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("figure.book-exhibit script.chart").forEach((holder) => {
      const figure = holder.closest("figure");
      if (figure.querySelector(".figure-box")) new Chart(figure, holder);
    });
  });
}
