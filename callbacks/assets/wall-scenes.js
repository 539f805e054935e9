/* 大屏's other scenes: what stands beside the map while each is on the screen. Functions from a view's document to the
   HTML of its panels; wall.js decides when. Words, numbers and order come from the server. */
(function () {
  "use strict";
  var TW = window.TW = window.TW || {};
  function esc(value) { return TW.esc(value); }
  function raw(value) { return value === null || value === undefined ? "" : value; }
  function figure(row) {
    return 'data-kpi="' + esc(row.kpi) + '" data-town="' + esc(row.town) + '" data-value="' + raw(row.raw) + '" data-freshness="' + esc(row.freshness) + '"';
  }
  function head(title, side) { return '<div class="wl-ph"><h2>' + esc(title) + '</h2><span class="s">' + side + "</span></div>"; }
  function bold(lead, value, tail) { return esc(lead) + " <b>" + esc(value) + "</b>" + (tail ? " " + esc(tail) : ""); }
  function none(text) { return '<p class="wl-none">' + esc(text) + "</p>"; }
  function calm(text) { return '<div class="wl-calm">' + TW.glyph("ok", 40) + "<b>" + esc(text) + "</b></div>"; }
  function pairs(parts) { return parts.map(function (pair) { return bold(pair[0], pair[1]); }).join(" · "); }
  function width(share) { return 'style="width:' + (share * 100).toFixed(2) + '%"'; }

  function cases(list, late) {
    var html = head(list.heading, list.rows.length ? bold(list.lead, list.whole) : "");
    if (!list.rows.length) return html + calm(list.empty);
    return html + '<ol class="wl-al cases">' + list.rows.map(function (row) {
      return '<li><span class="ld">' + TW.pin(row.number, "alert", 34) + '</span><div class="at"><b>' + esc(row.title) + "</b><span>" + esc(row.sub) +
        '</span></div><div class="am"><span class="tm' + (late ? " late" : "") + '">' + esc(row.over) + '</span><span class="stt">' + esc(row.stage) + "</span></div></li>";
    }).join("") + "</ol>";
  }

  /* ---- 复工复产 ---- */
  function workTowns(towns) {
    var html = head(towns.heading, bold(towns.lead, towns.parts));
    if (!towns.rows.length) return html + none(towns.empty);
    var target = towns.target === null ? "" : '<b style="left:' + (towns.target * 100).toFixed(2) + '%"></b>', heads = towns.heads;
    html += '<div class="wl-rank work" style="--rows:' + towns.rows.length + '"><div class="r head"><span></span><span>' + esc(heads[0]) + '</span><span></span><span class="num">' + esc(heads[1]) +
      '</span><span class="num">' + esc(heads[2]) + '</span><span class="num">' + esc(heads[3]) + "</span></div>";
    towns.rows.forEach(function (row) {
      var low = row.reported && (row.status === "alert" || row.status === "watch") ? row.status : "";
      html += '<div class="r ' + (low ? "low " + low : "") + (row.reported ? "" : " missing") + (row.status === "stale" ? " old" : "") + '" ' + figure(row) + '><span class="no">' + esc(row.rank) +
        '</span><span class="tn">' + esc(row.name) + (low ? TW.glyph(low, 17) : "") + '</span><span class="trk">' + (row.share === null ? "" : "<i " + width(row.share) + "></i>") + (row.reported ? target : "") + "</span>" +
        (row.reported ? '<span class="num v">' + esc(row.text) + '</span><span class="num d">' + esc(row.new) + '</span><span class="num d' + (row.stuck ? " bad" : " nil") + '">' + row.stuck + "</span>"
          : '<span class="num ms">' + esc(row.missing) + "</span>") + "</div>";
    });
    return html + "</div>";
  }
  function workStages(stages) {
    var most = Math.max.apply(null, [1].concat(stages.rows.map(function (row) { return row.count; })));
    var html = head(stages.heading, stages.ends.map(function (end) { return bold(end.name, end.text); }).join(" · "));
    html += '<div class="wl-stages" role="img" aria-label="' + esc(stages.label) + '"><div class="r head"><span>' + esc(stages.heads[0]) + '</span><span></span><span class="num">' + esc(stages.heads[1]) + '</span><span class="num">' +
      esc(stages.heads[2]) + '</span><span class="num">' + esc(stages.heads[3]) + "</span></div>";
    stages.rows.forEach(function (row) {
      html += '<div class="r"><span class="tn">' + esc(row.name) + '</span><span class="trk"><i ' + width((row.count - row.stuck) / most) + "></i>" + (row.stuck ? '<em style="width:max(.25rem,' + (row.stuck / most * 100).toFixed(2) + '%)"></em>' : "") +
        '</span><span class="num v">' + row.count + '</span><span class="num d">' + esc(row.stay) + '</span><span class="num d ' + (row.stuck ? "bad" : "nil") + '">' + (row.limited ? row.stuck : "—") + "</span></div>";
    });
    html += "</div>";
    if (!stages.reviews.length) return html;
    html += '<div class="wl-reviews"><h3>' + esc(stages.review_heading) + "</h3>";
    stages.reviews.forEach(function (row) {
      var whole = row.passed + row.pending + row.returned;
      html += '<div class="r"><span class="tn">' + esc(row.name) + '</span><span class="trk three">';
      if (whole) html += "<i " + width(row.passed / whole) + "></i><u " + width(row.pending / whole) + "></u><em " + width(row.returned / whole) + "></em>";
      html += '</span><span class="num">' + (whole ? bold(stages.words.pending, row.pending) + (row.returned ? ' <span class="back">' + bold(stages.words.returned, row.returned) + "</span>" : "") : esc(stages.words.none)) + "</span></div>";
    });
    return html + "</div>";
  }
  function workDays(days, scope) {
    var html = head(days.heading, days.gained ? bold(days.lead, days.gained) : "");
    if (days.empty) return html + none(days.empty);
    return html + TW.trend({ width: 424, height: 224, points: days.points, target: days.target, targetText: days.target_text, label: days.label });
  }

  /* ---- 巡逻防控 ---- */
  function patrolTowns(towns) {
    var html = head(towns.heading, esc(towns.lead) + " " + esc(towns.parts) + " <b>" + esc(towns.share) + "</b>");
    if (!towns.rows.length) return html + none(towns.empty);
    var heads = towns.heads;
    html += '<div class="wl-rank duty" style="--rows:' + towns.rows.length + '"><div class="r head"><span>' + esc(heads[0]) + "</span><span>" + esc(heads[1]) + '</span><span class="num">' + esc(heads[2]) + '</span><span class="num">' + esc(heads[3]) + "</span></div>";
    towns.rows.forEach(function (row) {
      var parts = row.parts;
      html += '<div class="r ' + (row.low ? "low alert" : "") + (row.reported ? "" : " missing") + '" ' + figure(row) + ' data-dims="target=patrol_point"><span class="tn">' + esc(row.name) + (row.low ? TW.glyph("alert", 17) : "") + '</span><span class="trk duty">' +
        (parts.met ? "<i " + width(parts.met) + "></i>" : "") + (parts.lapsed ? "<em " + width(parts.lapsed) + "></em>" : "") + (parts.unobservable ? "<u " + width(parts.unobservable) + "></u>" : "") + "</span>" +
        (row.reported ? '<span class="num v">' + esc(row.text) + '</span><span class="num d">' + row.lapsed + "</span>" : '<span class="num ms">' + esc(row.missing) + "</span>") + "</div>";
    });
    return html + "</div>";
  }
  function patrolGaps(gaps) {
    var html = head(gaps.heading, esc(gaps.parts[0]) + " <b>" + esc(gaps.parts[1]) + "</b> " + esc(gaps.parts[2]));
    if (!gaps.rows.length) return html + calm(gaps.empty);
    return html + '<ol class="wl-gp six">' + gaps.rows.map(function (row) {
      return '<li class="' + esc(row.state) + '"><span class="ld">' + TW.pin(row.number, row.state, 38) + '</span><div class="at"><b>' + esc(row.title) + "</b><span>" + esc(row.sub) + '</span></div><div class="am"><b data-since="' + row.since + '">' +
        esc(row.age) + "</b><span>" + esc(row.word) + "</span></div></li>";
    }).join("") + "</ol>";
  }
  function patrolBeats(beats, narrow) {
    var html = head(beats.heading, beats.rows.length ? esc(beats.parts[0]) + " <b>" + esc(beats.parts[1]) + "</b> " + esc(beats.parts[2]) : "");
    if (!beats.rows.length) return html + calm(beats.empty);
    return html + TW.beats({ width: narrow ? 440 : 796, height: 262, rows: beats.rows, from: beats.from, to: beats.to, now: beats.now, clock: beats.clock, ticks: beats.ticks, label: beats.label, id: "wl-bt" });
  }

  /* ---- 卡点防控 ---- */
  function gateTowns(towns) {
    var html = head(towns.heading, bold(towns.lead, towns.parts));
    if (!towns.rows.length) return html + none(towns.empty);
    var heads = towns.heads;
    html += '<div class="wl-rank gates" style="--rows:' + towns.rows.length + '"><div class="r head"><span>' + esc(heads[0]) + '</span><span></span><span class="num">' + esc(heads[1]) + '</span><span class="num">' + esc(heads[2]) + '</span><span class="num">' + esc(heads[3]) + "</span></div>";
    towns.rows.forEach(function (row) {
      html += '<div class="r' + (row.reported ? "" : " missing") + '" ' + figure(row) + '><span class="tn">' + esc(row.name) + '</span><span class="trk"><i ' + width(row.share) + "></i></span>" +
        (row.reported ? '<span class="num v">' + esc(row.text) + '</span><span class="num d' + (row.short ? " warn" : "") + '">' + esc(row.online) + '</span><span class="num d' + (row.waiting ? " bad" : row.fever ? "" : " nil") + '">' + row.fever + "</span>"
          : '<span class="num ms">' + esc(row.missing) + "</span>") + "</div>";
    });
    return html + "</div>";
  }
  function gateFevers(fevers) {
    var html = head(fevers.heading, fevers.rows.length ? pairs(fevers.parts) : "");
    if (!fevers.rows.length) return html + calm(fevers.empty);
    return html + '<ol class="wl-gp five">' + fevers.rows.map(function (row) {
      return '<li class="' + (row.open ? "lapsed" : "") + '">' + TW.glyph(row.glyph, 24) + '<div class="at"><b>' + esc(row.title) + "</b><span>" + esc(row.fact) + '</span></div><div class="am"><b>' + esc(row.time) + "</b><span>" + esc(row.state) + "</span></div></li>";
    }).join("") + "</ol>" + (fevers.rest ? '<p class="wl-rest">' + esc(fevers.rest) + "</p>" : "");
  }

  /* ---- 矛盾纠纷 ---- */
  function kinds(list) {
    var html = head(list.heading, list.rows.length ? esc(list.lead) : "");
    if (!list.rows.length) return html + calm(list.empty);
    html += '<div class="wl-kinds" style="--rows:' + list.rows.length + '">';
    list.rows.forEach(function (row) {
      html += '<div class="r"><span class="tn">' + esc(row.name) + '</span><span class="trk"><i ' + width(row.share * (row.count - row.overdue) / (row.count || 1)) + "></i>" +
        (row.overdue ? "<em " + width(row.share * row.overdue / row.count) + "></em>" : "") + '</span><span class="num v">' + row.count + "</span></div>";
    });
    return html + "</div>";
  }
  function flow(chart) {
    var html = head(chart.heading, pairs(chart.parts));
    if (chart.empty) return html + none(chart.empty);
    return html + TW.pairs({ width: 424, height: 224, days: chart.days, up: chart.up, down: chart.down, label: chart.label });
  }

  /* ---- 其他工作 ---- */
  function feeds(data) {
    var html = head(data.heading, esc([data.lead, data.rest].filter(Boolean).join(" · "))) + '<div class="wl-more">';
    data.cards.forEach(function (one) {
      html += '<section class="' + (one.watch ? "watch" : "") + (one.old ? " old" : "") + '"><h3>' + TW.icon(one.old ? "clock" : one.icon, 22) + esc(one.name) + "<span>" + esc(one.until) + "</span></h3><dl>" + one.figures.map(function (row) {
        return '<div class="' + esc(row.status) + '"><dt>' + esc(row.label) + "</dt><dd " + figure(row) + "><b>" + esc(row.value) + "</b> " + esc(row.unit) + "</dd></div>";
      }).join("") + "</dl></section>";
    });
    return html + "</div>";
  }

  /* The backlog panel is the overview's too. */
  TW.backlogPanel = function (backlog, size, scope, lang) {
    var zh = lang === "zh", old = backlog.old, value = '<b data-kpi="' + esc(backlog.kpi) + '" data-town="' + esc(scope) + '" data-value="' + raw(backlog.raw) + '" data-freshness="' + esc(backlog.freshness) + '">' + esc(backlog.whole) + "</b>";
    var side = old && old === backlog.empty ? "" : old ? '<span class="until">' + TW.glyph("stale", 20) + esc(old) + "</span>" : zh ? esc(backlog.lead) + " " + value + " " + esc(backlog.unit) : value + " " + esc(backlog.lead);
    var html = '<div class="wl-ph"><h2>' + esc(backlog.heading) + '</h2><span class="s">' + side + "</span></div>";
    if (backlog.empty) return html + none(backlog.empty);
    return html + TW.backlog({ width: size[0], height: size[1], ages: backlog.ages, days: backlog.days, old: Boolean(old), label: backlog.label, id: "wl-bk" + size[0] });
  };

  /* scene -> panel -> HTML; ctx: scope, lang, narrow (a phone), hours(document, width, height). */
  TW.wallScenes = {
    work: function (data) {
      return { towns: workTowns(data.towns), stages: workStages(data.stages), days: workDays(data.days), stuck: cases(data.stuck, true) };
    },
    patrol: function (data, ctx) { return { towns: patrolTowns(data.towns), gaps: patrolGaps(data.gaps), beats: patrolBeats(data.beats, ctx.narrow) }; },
    gates: function (data, ctx) { return { hours: data.hours ? ctx.hours(data.hours, ctx.narrow ? 424 : 876, ctx.narrow ? 212 : 256) : "", towns: gateTowns(data.towns), fevers: gateFevers(data.fevers) }; },
    disputes: function (data, ctx) {
      return { backlog: TW.backlogPanel(data.backlog, [424, 300], ctx.scope, ctx.lang), kinds: kinds(data.kinds), flow: flow(data.flow), late: cases(data.late, true) };
    },
    more: function (data) { return { feeds: feeds(data.feeds) }; }
  };
})();
