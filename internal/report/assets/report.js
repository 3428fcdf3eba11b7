(function () {
  "use strict";
  var data = JSON.parse(document.getElementById("data-of-charts").textContent);
  var style = getComputedStyle(document.documentElement);
  function color(name) { return style.getPropertyValue(name).trim(); }
  function utc(ms) { return new Date(ms).toISOString().slice(0, 16).replace("T", " ") + " UTC"; }
  function minus(s) { return s.replace("-", "\u2212"); }

  // Charts.
  var drawn = [];
  function chart(c) {
    var place = document.getElementById(c.id);
    var unit = c.unit ? " " + c.unit : "";
    function show(v) { return v == null ? "\u2013" : minus(v.toFixed(c.digits)) + unit; }
    var series = [{ label: c.x_label, value: function (u, v) {
      return v == null ? "" : c.time ? utc(v * 1000) : +v.toFixed(1) + (c.x_unit ? " " + c.x_unit : "");
    } }];
    c.series.forEach(function (s) {
      var stroke = function () { return color("--c" + s.color); };
      var one = { label: s.label, stroke: stroke, width: 2, value: function (u, v) { return show(v); }, points: { show: false } };
      if (s.kind === "dashed") { one.dash = [6, 5]; one.width = 1.5; }
      if (s.kind === "points") { one.points = { show: true, size: 9, fill: stroke, stroke: stroke }; }
      if (s.kind === "bars") { one.paths = uPlot.paths.bars({ size: [0.75, 40] }); one.fill = stroke; one.width = 0; }
      series.push(one);
    });
    var axis = { stroke: function () { return color("--quiet"); }, grid: { stroke: function () { return color("--line"); }, width: 1 }, ticks: { show: false } };
    function height() { return Math.max(220, Math.min(320, Math.round(place.clientWidth * 0.5))); }
    var options = {
      width: Math.max(place.clientWidth, 200), height: height(), series: series, cursor: { drag: { x: true, y: false } },
      tzDate: function (s) { return uPlot.tzDate(new Date(s * 1000), "UTC"); },
      scales: { x: { time: c.time } },
      axes: [Object.assign({}, axis, c.id === "chart-loss" ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] } : {},
        c.x_unit ? { values: function (u, splits) { return splits.map(function (v) { return v + " " + c.x_unit; }); } } : {}),
        Object.assign({}, axis, { size: 62, values: function (u, splits) { return splits.map(function (v) { return minus(String(+v.toFixed(6))) + unit; }); } })]
    };
    if (c.time) {
      options.axes[0].values = [
        [3600 * 24 * 365, "{YYYY}", null, null, null, null, null, null, 1],
        [3600 * 24 * 28, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
        [3600 * 24, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
        [60, "{HH}:{mm}", "\n{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1]
      ];
    }
    var u = new uPlot(options, [c.x].concat(c.series.map(function (s) { return s.values; })), place);
    drawn.push({ plot: u, place: place, height: height });
  }
  data.charts.forEach(chart);
  var waiting = 0;
  addEventListener("resize", function () {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(function () {
      drawn.forEach(function (d) { d.plot.setSize({ width: d.place.clientWidth, height: d.height() }); });
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () {
    drawn.forEach(function (d) { d.plot.destroy(); });
    drawn = [];
    data.charts.forEach(chart);
  });

  // Tables that sort by a column.
  document.querySelectorAll("table.sortable").forEach(function (table) {
    var heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (th, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = th.textContent;
      th.replaceChildren(button);
      button.addEventListener("click", function () {
        var down = th.getAttribute("aria-sort") !== "descending";
        heads.forEach(function (h) { h.removeAttribute("aria-sort"); });
        th.setAttribute("aria-sort", down ? "descending" : "ascending");
        var rows = Array.from(table.tBodies[0].rows);
        function key(r) {
          var text = r.cells[column].textContent;
          if (/^\d{4}-/.test(text)) return text;
          var n = parseFloat(text.replace("\u2212", "-"));
          return isNaN(n) ? text : n;
        }
        rows.sort(function (a, b) {
          var p = key(a), q = key(b);
          var order = typeof p === typeof q ? (p < q ? -1 : p > q ? 1 : 0) : typeof p === "number" ? 1 : -1;
          return down ? -order : order;
        });
        table.tBodies[0].append.apply(table.tBodies[0], rows);
      });
    });
  });

  // The market graph.
  var g = data.graph;
  if (!g) return;
  var svg = document.getElementById("market"), tip = document.getElementById("tip");
  var when = document.getElementById("when"), which = document.getElementById("which"), list = document.getElementById("edges");
  function make(name, attributes, parent) {
    var e = document.createElementNS(svg.namespaceURI, name);
    for (var k in attributes) e.setAttribute(k, attributes[k]);
    parent.appendChild(e);
    return e;
  }
  function x(i) { return 60 + 850 * g.x[i]; }
  function y(i) { return 30 + 580 * g.y[i]; }
  var lines = make("g", {}, svg), nodes = make("g", {}, svg), circles = [];
  var labels = g.symbols.length <= 60;
  g.symbols.forEach(function (name, i) {
    var c = make("circle", { cx: x(i), cy: y(i), r: g.symbols.length > 60 ? 6 : 9 }, nodes);
    if (i === g.own) c.classList.add("own");
    make("title", {}, c).textContent = name;
    if (labels || i === g.own) make("text", g.x[i] > 0.8 ? { x: x(i) - 13, y: y(i) + 6, "text-anchor": "end" } : { x: x(i) + 13, y: y(i) + 6 }, nodes).textContent = name;
    c.addEventListener("click", function () { which.value = which.value === String(i) ? "-1" : String(i); draw(); });
    circles.push(c);
  });
  function weight(w) { return minus((w / 100).toFixed(2)); }
  function name(a, b) { return g.symbols[a] + " \u2013 " + g.symbols[b]; }
  function draw() {
    var t = when ? +when.value : g.edges.length - 1, only = +which.value, e = g.edges[t], strongest = [];
    if (when) {
      document.getElementById("when-text").textContent = utc(g.times[t]);
      when.setAttribute("aria-valuetext", utc(g.times[t]));
    }
    tip.hidden = true;
    lines.replaceChildren();
    var low = Infinity, high = 0; // of this time: on a market that moves as one all weights are high
    for (var j = 2; j < e.length; j += 3) { low = Math.min(low, Math.abs(e[j])); high = Math.max(high, Math.abs(e[j])); }
    for (var k = 0; k < e.length; k += 3) {
      (function (a, b, w) {
        var mine = only < 0 || a === only || b === only;
        var at = { x1: x(a), y1: y(a), x2: x(b), y2: y(b) };
        var l = make("line", at, lines);
        l.setAttribute("class", "edge" + (w < 0 ? " negative" : "") + (mine ? "" : " dim"));
        var strength = high > low ? (Math.abs(w) - low) / (high - low) : 1;
        l.style.strokeWidth = (1 + 3 * strength * strength).toFixed(2);
        l.style.opacity = (0.12 + 0.78 * strength * strength).toFixed(2);
        if (mine) strongest.push([a, b, w]);
        var hit = make("line", at, lines);
        hit.setAttribute("class", "hit");
        function near() {
          l.classList.add("near");
          var box = svg.getBoundingClientRect();
          tip.textContent = name(a, b) + ": " + weight(w);
          tip.style.left = Math.max(90, Math.min(box.width - 90, (x(a) + x(b)) / 2000 * box.width)) + "px";
          tip.style.top = (y(a) + y(b)) / 1280 * box.height + "px";
          tip.hidden = false;
        }
        hit.addEventListener("pointerenter", near);
        hit.addEventListener("click", near);
        hit.addEventListener("pointerleave", function () { l.classList.remove("near"); tip.hidden = true; });
      })(e[k], e[k + 1], e[k + 2]);
    }
    circles.forEach(function (c, i) { c.classList.toggle("absent", g.absent[t].indexOf(i) >= 0); });
    list.replaceChildren();
    strongest.slice(0, 10).forEach(function (s) {
      var row = list.insertRow(), th = document.createElement("th");
      th.scope = "row";
      th.textContent = name(s[0], s[1]);
      row.appendChild(th);
      var td = row.insertCell();
      td.className = "n";
      td.textContent = weight(s[2]);
    });
    var say = [];
    if (!strongest.length) say.push(data.words["no edges here"]);
    if (g.absent[t].length) say.push(data.words["absent here"] + ": " + g.absent[t].slice(0, 10).map(function (i) { return g.symbols[i]; }).join(", ") + (g.absent[t].length > 10 ? ", \u2026" : ""));
    if (g.cut[t]) say.push(data.words["cut here"] + ": " + g.cut[t]);
    document.getElementById("graph-say").textContent = say.join("; ");
  }
  if (when) when.addEventListener("input", draw);
  which.addEventListener("change", draw);
  draw();
})();
