// Lanes: one a process; a box is something asked of it, a thin line leads to who asked.
const LANE = 26, LEFT = 86, TOP = 22, STEP = 16, BAND = 10;

class Lanes {
  constructor(data) {
    this.data = data;
    this.byTime = false;
    this.at = data.moment ?? data.strikes[0]?.[0] ?? 0;
    this.told = el("p", { class: "told", role: "status" });
    this.frame = el("div", { class: "scroll lanes", tabindex: "0", role: "group", "aria-label": "lanes, left and right lead from event to event" });
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
    return el("div", null, tools, this.frame, this.told);
  }

  place(at) {
    if (!this.byTime) return LEFT + at * STEP + this.data.strikes.filter(([strike]) => strike < at).length * BAND;
    const boxes = this.data.boxes;
    return LEFT + (boxes[at][3] / (boxes[boxes.length - 1][4] || 1)) * boxes.length * STEP;
  }

  width(at) {
    const [, , , begin, end] = this.data.boxes[at];
    return this.byTime ? Math.max(2, this.place(at) * 0 + ((end - begin) / (this.data.boxes.at(-1)[4] || 1)) * this.data.boxes.length * STEP) : STEP - 4;
  }

  draw() {
    const { names, boxes, strikes, stages } = this.data;
    const height = TOP + names.length * LANE + 4;
    const width = this.place(boxes.length - 1) + 60;
    const middle = (lane) => TOP + lane * LANE + LANE / 2;
    const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "events by process" });
    names.forEach((name, lane) => picture.append(
      svg("line", { x1: LEFT, x2: width, y1: middle(lane), y2: middle(lane), class: "lane" }),
      svg("text", { x: 2, y: middle(lane) + 4 }, name)));
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
