/* What a desk page gives out: a copied link, tables as CSV and XLSX from the server, and pictures (SVG, PNG) made here
   from what is drawn, so that they equal the screen: boxes, lines, text where it stands, drawings, and the font itself. */
(function () {
  "use strict";
  var TW = window.TW, desk = TW.desk, esc = desk.esc, icon = desk.icon;
  var SVG = "http://www.w3.org/2000/svg";

  /* ---- buttons and menu ---- */
  function draw(ctx) {
    var box = ctx.$("files");
    if (!box) return;
    desk.put(box, '<button type="button" class="dk-btn" data-k="link" data-act="link">' + icon("link", 16) + "<span>" + (ctx.copied ? ctx.say("已复制", "Copied") : ctx.say("复制链接", "Copy link")) + '</span></button><button type="button" class="dk-btn" data-k="files" data-act="files" aria-haspopup="dialog" aria-expanded="' +
      Boolean(ctx.files) + '">' + icon("down", 16) + "<span>" + ctx.say("导出", "Export") + "</span>" + icon("chevd", 14) + '</button><div class="dk-menu files" id="' + ctx.name + '-files-menu" role="dialog" aria-label="' + ctx.say("导出", "Export") + '"' + (ctx.files ? "" : " hidden") + ">" + (ctx.files ? menu(ctx) : "") + "</div>");
  }
  function menu(ctx) {
    var html = '<p class="head">' + ctx.say("表格", "Tables") + '</p><a data-k="xlsx" href="' + esc(ctx.exportAddress("xlsx")) + '" download><i>' + icon("file", 16) + "</i><span>" + ctx.say("全部表 XLSX", "All tables, XLSX") + "</span></a>";
    html += ctx.data.tables.map(function (table) {
      return '<a data-k="csv-' + esc(table.name) + '" href="' + esc(ctx.exportAddress("csv", table.name)) + '" download><i>' + icon("file", 16) + "</i><span>" + esc(table.title) + " CSV</span></a>";
    }).join("");
    html += '<p class="head">' + ctx.say("图片", "Pictures") + "</p>";
    pictures(ctx).forEach(function (one, at) {
      html += '<div class="saved"><span>' + esc(one.title) + '</span><button type="button" data-k="png-' + at + '" data-picture-of="' + at + '" data-ending="png">PNG</button><button type="button" data-k="svg-' + at + '" data-picture-of="' + at + '" data-ending="svg">SVG</button></div>';
    });
    return html + '<p class="head">' + ctx.say("纸面", "Paper") + '</p><button type="button" data-k="print" data-act="print"><i>' + icon("print", 16) + "</i><span>" + ctx.say("打印", "Print") + "</span></button>";
  }
  function pictures(ctx) {
    var found = [{ title: ctx.say("整页", "Whole page"), element: ctx.page }];
    ctx.page.querySelectorAll("[data-picture]").forEach(function (element) {
      if (element.offsetWidth) found.push({ title: element.dataset.picture, element: element });
    });
    return found;
  }
  function close(ctx, back) {
    if (!ctx.files) return;
    ctx.files = false;
    draw(ctx);
    var button = back && ctx.page.querySelector('[data-act="files"]');
    if (button) button.focus();
  }
  function copy(ctx) {
    function done() {
      ctx.copied = true;
      draw(ctx);
      setTimeout(function () { ctx.copied = false; draw(ctx); }, 2000);
    }
    function byHand() {
      var field = document.createElement("textarea");
      field.value = location.href;
      field.style.cssText = "position:fixed;opacity:0";
      document.body.appendChild(field);
      field.select();
      try { if (document.execCommand("copy")) done(); } finally { field.remove(); }
    }
    /* Not offered on an address without TLS. */
    if (navigator.clipboard) navigator.clipboard.writeText(location.href).then(done, byHand); else byHand();
  }
  function save(blob, name) {
    var link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    document.body.appendChild(link);
    link.click();
    link.remove();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 60000);
  }
  function take(ctx, at, ending) {
    var one = pictures(ctx)[at], stamp = window.townwatch.clockText("date").replace(/-/g, "") + "-" + window.townwatch.clockText("hm").replace(":", "");
    var name = (ctx.data.title || ctx.name) + "-" + one.title + "-" + stamp + "." + ending;
    close(ctx, true);
    (ending === "svg" ? desk.picture(one.element).then(function (made) { return new Blob([made.text], { type: "image/svg+xml" }); }) : desk.raster(one.element)).then(function (blob) {
      save(blob, name);
    }).catch(function (error) {
      console.error("townwatch: picture", error);
      var line = ctx.$("notices");
      if (line) line.innerHTML = '<p class="dk-notice" role="status">' + icon("warn", 16) + ctx.say("图片没有做成，请用打印代替", "The picture could not be made; print instead") + "</p>";
    });
  }

  desk.part({
    mount: function (ctx) { ctx.files = false; },
    draw: draw,
    click: function (ctx, event) {
      var found;
      if (event.target.closest('[data-act="link"]')) { copy(ctx); return true; }
      if (event.target.closest('[data-act="files"]')) {
        ctx.files = !ctx.files;
        draw(ctx);
        var first = ctx.files && ctx.page.querySelector("#" + ctx.name + "-files-menu a");
        if (first) first.focus();
        return true;
      }
      if ((found = event.target.closest("[data-picture-of]"))) { take(ctx, Number(found.dataset.pictureOf), found.dataset.ending); return true; }
      if (event.target.closest('[data-act="print"]')) { close(ctx, true); window.print(); return true; }
      if (event.target.closest("#" + ctx.name + "-files-menu a")) { setTimeout(function () { close(ctx, true); }, 0); return true; }
      return Boolean(event.target.closest("#" + ctx.name + "-files-menu"));
    },
    outside: function (ctx, event) { if (ctx.files && event.target.isConnected && !event.target.closest("#" + ctx.name + "-files")) close(ctx, false); },
    key: function (ctx, event) {
      if (!ctx.files) return false;
      if (event.key === "Escape") { close(ctx, true); return true; }
      var box = ctx.page.querySelector("#" + ctx.name + "-files-menu");
      if ((event.key === "ArrowDown" || event.key === "ArrowUp") && box) {
        var all = Array.prototype.slice.call(box.querySelectorAll("a,button")), at = all.indexOf(document.activeElement);
        var next = all[Math.max(0, Math.min(all.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)))];
        if (next) next.focus();
        return true;
      }
      return false;
    }
  });

  /* ---- pictures: the drawn page as one SVG ---- */
  var fonts = null;
  function embedded() {
    fonts = fonts || Promise.all([400, 700].map(function (weight) {
      return fetch("/assets/fonts/townwatch-sans-" + weight + ".woff2").then(function (answer) {
        if (!answer.ok) throw new Error("font " + answer.status);
        return answer.arrayBuffer();
      }).then(function (buffer) {
        var bytes = new Uint8Array(buffer), text = "";
        for (var at = 0; at < bytes.length; at += 8192) text += String.fromCharCode.apply(null, bytes.subarray(at, at + 8192));
        return '@font-face{font-family:"Townwatch Sans";font-weight:' + weight + ";src:url(data:font/woff2;base64," + btoa(text) + ') format("woff2")}';
      });
    })).then(function (faces) { return faces.join(""); });
    fonts.catch(function () { fonts = null; });
    return fonts;
  }
  var DRAWN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity", "fill-opacity", "stroke-opacity", "paint-order", "font-size", "font-weight", "text-anchor"];
  function n(value) { return Math.round(value * 100) / 100; }
  function clear(colour) { return !colour || colour === "transparent" || /,\s*0\)$/.test(colour) || /\/\s*0\)$/.test(colour); }

  /* Returns {text, width, height}. */
  desk.picture = function (root) {
    return embedded().then(function (faces) {
      var seen = root.getBoundingClientRect(), edge = 12, frame = { left: seen.left - edge, top: seen.top - edge, width: seen.width + 2 * edge, height: seen.height + 2 * edge }, hatches = {}, clips = 0, defs = "";
      function X(x) { return n(x - frame.left); }
      function Y(y) { return n(y - frame.top); }
      function hatch(ink) {
        var id = hatches[ink] || "pic-hatch-" + Object.keys(hatches).length;
        if (!hatches[ink]) {
          hatches[ink] = id;
          defs += '<pattern id="' + id + '" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="1.500" height="5" fill="' + ink + '"/></pattern>';
        }
        return "url(#" + id + ")";
      }
      function box(element, style) {
        var r = element.getBoundingClientRect(), out = "", radius = Math.min(parseFloat(style.borderTopLeftRadius) || 0, r.width / 2, r.height / 2);
        if (!r.width || !r.height) return "";
        var at = ' x="' + X(r.left) + '" y="' + Y(r.top) + '" width="' + n(r.width) + '" height="' + n(r.height) + '" rx="' + n(radius) + '"';
        if (style.maskImage && style.maskImage !== "none" || style.webkitMaskImage && style.webkitMaskImage !== "none") return masked(r, style);
        if (!clear(style.backgroundColor)) out += "<rect" + at + ' fill="' + style.backgroundColor + '"/>';
        if (/repeating-linear-gradient/.test(style.backgroundImage)) {
          var ink = /(rgba?\([^)]*\)|color\([^)]*\)|#[0-9a-f]+)/i.exec(style.backgroundImage);
          out += "<rect" + at + ' fill="' + hatch(ink ? ink[1] : "#888") + '"/>';
        }
        var sides = ["Top", "Right", "Bottom", "Left"].map(function (side) {
          return { width: style["border" + side + "Style"] === "none" ? 0 : parseFloat(style["border" + side + "Width"]) || 0, colour: style["border" + side + "Color"] };
        });
        if (sides.every(function (side) { return side.width === sides[0].width && side.colour === sides[0].colour; })) {
          if (sides[0].width && !clear(sides[0].colour)) {
            var w = sides[0].width;
            out += '<rect x="' + n(X(r.left) + w / 2) + '" y="' + n(Y(r.top) + w / 2) + '" width="' + n(r.width - w) + '" height="' + n(r.height - w) + '" rx="' + n(radius) + '" fill="none" stroke="' + sides[0].colour + '" stroke-width="' + w + '"/>';
          }
        } else {
          [[r.left, r.top, r.width, sides[0].width, 0], [r.right - sides[1].width, r.top, sides[1].width, r.height, 1], [r.left, r.bottom - sides[2].width, r.width, sides[2].width, 2], [r.left, r.top, sides[3].width, r.height, 3]].forEach(function (line) {
            if (line[2] && line[3] && !clear(sides[line[4]].colour)) out += '<rect x="' + X(line[0]) + '" y="' + Y(line[1]) + '" width="' + n(line[2]) + '" height="' + n(line[3]) + '" fill="' + sides[line[4]].colour + '"/>';
          });
        }
        /* Outlines of cells are inset shadows. */
        var inset = /(rgba?\([^)]*\)|color\([^)]*\)) 0px 0px 0px ([\d.]+)px inset/.exec(style.boxShadow);
        if (inset) {
          var line = parseFloat(inset[2]);
          out += '<rect x="' + n(X(r.left) + line / 2) + '" y="' + n(Y(r.top) + line / 2) + '" width="' + n(r.width - line) + '" height="' + n(r.height - line) + '" rx="' + n(radius) + '" fill="none" stroke="' + inset[1] + '" stroke-width="' + line + '"/>';
        }
        return out;
      }
      /* Icons are masks over the colour of their text: the mask's own strokes in that colour. */
      function masked(r, style) {
        var found = /url\("data:image\/svg\+xml,([^"]*)"\)/.exec(style.webkitMaskImage || style.maskImage || "");
        if (!found) return "";
        var inner = decodeURIComponent(found[1]).replace(/#000/g, style.backgroundColor).replace(/ (width|height)=(["'])\d+\2/g, "");
        return inner.replace(/^<svg /, '<svg x="' + X(r.left) + '" y="' + Y(r.top) + '" width="' + n(r.width) + '" height="' + n(r.height) + '" ');
      }
      function words(node) {
        var style = getComputedStyle(node.parentElement), text = node.nodeValue, out = "", line = "", range = document.createRange(), start = null, last = null;
        if (!text.trim()) return "";
        function flush() {
          if (!line.trim() || !start) { line = ""; return; }
          var size = parseFloat(style.fontSize), y = Y(start.top) + (start.height - size) / 2 + size * 0.86, x = X(start.left);
          out += '<text x="' + x + '" y="' + n(y) + '" font-size="' + size + '" font-weight="' + (parseInt(style.fontWeight, 10) >= 600 ? 700 : 400) + '" fill="' + style.color + '" textLength="' + n(last.right - start.left) + '" lengthAdjust="spacingAndGlyphs" xml:space="preserve">' + esc(line) + "</text>";
          line = "";
          start = null;
        }
        for (var at = 0; at < text.length; at += 1) {
          range.setStart(node, at);
          range.setEnd(node, at + 1);
          var r = range.getClientRects()[0];
          if (!r || !r.width) continue;
          if (start && Math.abs(r.top - start.top) > 2) flush();
          if (!start) start = r;
          last = r;
          line += text[at] === "\n" ? " " : text[at];
        }
        flush();
        return out;
      }
      function drawing(svg) {
        var copy = svg.cloneNode(true), from = svg.querySelectorAll("*"), to = copy.querySelectorAll("*"), r = svg.getBoundingClientRect();
        Array.prototype.forEach.call(from, function (element, at) {
          var told = getComputedStyle(element);
          if (told.display === "none") { to[at].setAttribute("display", "none"); return; }
          DRAWN.forEach(function (name) {
            var value = told.getPropertyValue(name);
            if (value) to[at].setAttribute(name, name === "fill" || name === "stroke" ? value.replace(/^url\("[^#]*#/, "url(#").replace(/"\)/, ")") : value);
          });
          to[at].removeAttribute("style");
          to[at].removeAttribute("class");
        });
        copy.setAttribute("x", X(r.left));
        copy.setAttribute("y", Y(r.top));
        copy.setAttribute("width", n(r.width));
        copy.setAttribute("height", n(r.height));
        ["style", "class", "tabindex", "role", "aria-label", "id"].forEach(function (name) { copy.removeAttribute(name); });
        copy.setAttribute("overflow", getComputedStyle(svg).overflow === "visible" ? "visible" : "hidden");
        return new XMLSerializer().serializeToString(copy);
      }
      function walk(element) {
        var style = getComputedStyle(element);
        if (style.display === "none" || style.visibility === "hidden" || element.matches("[data-no-picture],script,style,noscript")) return "";
        if (element instanceof SVGSVGElement) return element.getBoundingClientRect().width ? drawing(element) : "";
        var out = box(element, style), r = element.getBoundingClientRect();
        if (element instanceof HTMLCanvasElement) {
          return out + (element.width && r.width ? '<image x="' + X(r.left) + '" y="' + Y(r.top) + '" width="' + n(r.width) + '" height="' + n(r.height) + '" href="' + element.toDataURL() + '"/>' : "");
        }
        if (element instanceof HTMLInputElement) {
          if (element.value || element.placeholder) out += '<text x="' + n(X(r.left) + (parseFloat(style.paddingLeft) || 0)) + '" y="' + n(Y(r.top) + r.height / 2 + parseFloat(style.fontSize) * 0.36) + '" font-size="' + parseFloat(style.fontSize) + '" fill="' + style.color + '">' + esc(element.value || element.placeholder) + "</text>";
          return out;
        }
        var inner = "";
        Array.prototype.slice.call(element.childNodes).map(function (child) {
          var z = child.nodeType === 1 ? parseInt(getComputedStyle(child).zIndex, 10) || 0 : 0;
          return [z, child];
        }).sort(function (a, b) { return a[0] - b[0]; }).forEach(function (pair) {
          if (pair[1].nodeType === 3) inner += words(pair[1]);
          else if (pair[1].nodeType === 1) inner += walk(pair[1]);
        });
        if (inner && (style.overflowX !== "visible" || style.overflowY !== "visible") && r.width) {
          clips += 1;
          defs += '<clipPath id="pic-clip-' + clips + '"><rect x="' + X(r.left) + '" y="' + Y(r.top) + '" width="' + n(r.width) + '" height="' + n(r.height) + '"/></clipPath>';
          inner = '<g clip-path="url(#pic-clip-' + clips + ')">' + inner + "</g>";
        }
        return out + (Number(style.opacity) < 1 ? '<g opacity="' + style.opacity + '">' + inner + "</g>" : inner);
      }
      var body = walk(root), ground = getComputedStyle(document.body).backgroundColor;
      var width = Math.ceil(frame.width), height = Math.ceil(frame.height);
      var text = '<svg xmlns="' + SVG + '" width="' + width + '" height="' + height + '" viewBox="0 0 ' + width + " " + height + '" font-family="&quot;Townwatch Sans&quot;,&quot;Noto Sans CJK SC&quot;,&quot;Noto Sans SC&quot;,&quot;Microsoft YaHei&quot;,sans-serif" style="font-variant-numeric:tabular-nums lining-nums"><title>' + esc(document.title) +
        "</title><style>" + faces + "</style><defs>" + defs + '</defs><rect width="100%" height="100%" fill="' + ground + '"/>' + body + "</svg>";
      return { text: text, width: width, height: height };
    });
  };
  /* The same picture as PNG, twice as fine as the screen's own pixels. */
  desk.raster = function (root) {
    return desk.picture(root).then(function (made) {
      return new Promise(function (done, fail) {
        var image = new Image(), k = 2;
        image.onload = function () {
          var canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
          canvas.width = made.width * k;
          canvas.height = made.height * k;
          pen.scale(k, k);
          pen.drawImage(image, 0, 0, made.width, made.height);
          canvas.toBlob(function (blob) { if (blob) done(blob); else fail(new Error("no picture")); }, "image/png");
        };
        image.onerror = function () { fail(new Error("picture not readable")); };
        image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(made.text);
      });
    });
  };
})();
