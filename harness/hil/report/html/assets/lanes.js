// Lanes: one a process; a box is something asked of it, a thin line leads to who asked.
const LANE = 26, NAMES = 86, LEFT = 10, TOP = 22, STEP = 16, BAND = 10;

class Lanes {
  constructor(data) {
    this.data = data;
    this.byTime = false;
    this.at = data.moment ?? data.strikes[0]?.[0] ?? 0;
    this.told = el("p", { class: "told", role: "status" });
    this.frame = el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "lanes, left and right lead from event to event" });
    this.frame.addEventListener("keydown", (event) => this.key(event));
    this.draw();
  }

  element() {
    const { data } = this;
    const jump = (text, at) => button(text, () => this.select(at));
    const tools = el("p", { class: "tools" },
      data.strikes.map(([at, text], index) => jump(index ? `jump to fault ${index + 1}` : "jump to the fault", at)),
      data.moment === null ? null : jump("jump to the violation", data.moment),
      button("by time", (event) => {
        this.byTime = !this.byTime;
        event.target.textContent = this.byTime ? "by order" : "by time";
        this.draw();
        this.select(this.at);
      }));
    return el("div", null, tools, el("div", { class: "lanes" }, this.names(), this.frame), this.told);
  }

  // The names stay where they are when the events scroll.
  names() {
    const picture = svg("svg", { width: NAMES, height: this.height(), "aria-hidden": "true" });
    this.data.names.forEach((name, lane) => picture.append(svg("text", { x: 6, y: this.middle(lane) + 4 }, name)));
    return picture;
  }

  height() {
    return TOP + this.data.names.length * LANE + 4;
  }

  middle(lane) {
    return TOP + lane * LANE + LANE / 2;
  }

  // Pixels a second where time is shown; the whole picture is as wide as the one by order.
  scale() {
    const { boxes } = this.data;
    return (boxes.length * STEP) / (Math.max(...boxes.map(([, , , , end]) => end)) || 1);
  }

  place(at) {
    if (this.byTime) return LEFT + this.data.boxes[at][3] * this.scale();
    return LEFT + at * STEP + this.data.strikes.filter(([strike]) => strike < at).length * BAND;
  }

  width(at) {
    const [, , , begin, end] = this.data.boxes[at];
    return this.byTime ? Math.max(2, (end - begin) * this.scale()) : STEP - 4;
  }

  draw() {
    const { names, boxes, strikes, stages, moment } = this.data;
    const height = this.height();
    const width = this.place(boxes.length - 1) + 60;
    const middle = (lane) => this.middle(lane);
    const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "events by process" });
    names.forEach((_, lane) => picture.append(svg("line", { x1: 0, x2: width, y1: middle(lane), y2: middle(lane), class: "lane" })));
    for (const at of stages) picture.append(
      svg("line", { x1: this.place(at) - 4, x2: this.place(at) - 4, y1: 0, y2: height, class: "stage" }),
      svg("text", { x: this.place(at), y: 12 }, "recovery"));
    this.rects = boxes.map(([lane, caller, label], at) => {
      const x = this.place(at);
      if (lane !== caller) picture.append(svg("line", { x1: x, x2: x, y1: middle(caller), y2: middle(lane), class: "call" }));
      const rect = svg("rect", { x, y: middle(lane) - 7, width: this.width(at), height: 14, rx: 2, class: lane ? "box" : "box line" });
      rect.append(svg("title", null, label));
      rect.addEventListener("click", () => this.select(at));
      picture.append(rect);
      return rect;
    });
    for (const [at, text, lane] of strikes) {
      const x = this.place(at) + this.width(at);
      picture.append(svg("rect", { x, y: 0, width: BAND, height, class: "strike" }, svg("title", null, text)),
        svg("text", { x: x - 60, y: 12, class: "struck" }, `✗ ${names[lane]}`));
    }
    if (moment !== null) {
      const x = this.place(moment);
      picture.append(svg("rect", { x: x - 2, y: 16, width: this.width(moment) + 4, height: height - 18, class: "moment" }),
        svg("text", { x: x - 2, y: 12, class: "struck" }, "▼ violation"));
    }
    this.frame.replaceChildren(picture);
  }

  select(at) {
    this.rects[this.at]?.classList.remove("selected");
    this.at = Math.min(Math.max(at, 0), this.data.boxes.length - 1);
    this.rects[this.at].classList.add("selected");
    this.frame.scrollLeft = this.place(this.at) - this.frame.clientWidth / 2;
    const { names, boxes, strikes } = this.data;
    const [lane, caller, label, begin, end] = boxes[this.at];
    const ends = lane === caller ? names[lane] : `${names[caller]} → ${names[lane]}`;
    const struck = strikes.filter(([place]) => place === this.at).map(([, text]) => ` Here ${text}.`).join("");
    const moment = this.at === this.data.moment ? ` ${this.data.momentText}.` : "";
    this.told.textContent = `${begin.toFixed(3)} s to ${end.toFixed(3)} s, ${ends}: ${label}.${struck}${moment}`;
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    this.select(this.at + step);
  }
}
