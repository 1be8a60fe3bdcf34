"""The page's style and its few lines of script; everything is readable without the script.

Source: the colours of the series are those of Okabe and Ito 2008, ordered anew
for a dark background, where their blue can hardly be seen.
"""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--quiet:#5a6472;--rule:#d5dae1;--tint:#f3f5f8;--link:#0b5ca8;
--warn:#fff6e0;--warn-rule:#d99a00;
--s0:#0072b2;--s1:#d55e00;--s2:#009e73;--s3:#cc79a7;--s4:#e69f00;--s5:#56b4e9;--s6:#555}
@media (prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e6e9ed;--quiet:#9aa5b3;--rule:#353d48;--tint:#1d232b;
--link:#7ab8f5;--warn:#2b2413;--warn-rule:#b98a1d;
--s0:#56b4e9;--s1:#e69f00;--s2:#00b585;--s3:#cc79a7;--s4:#f0e442;--s5:#e8702a;--s6:#aab2bd}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:1180px;padding:16px;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.7rem;line-height:1.2;margin:.3em 0}h2{font-size:1.3rem;margin:2em 0 .4em;padding-top:.6em;
border-top:1px solid var(--rule)}h3{font-size:1.08rem;margin:1.5em 0 .4em}h4{font-size:.95rem;margin:0 0 .2em}
p{margin:.4em 0;max-width:75ch}a{color:var(--link)}ul{padding-left:1.2em;margin:.4em 0}li{margin:.25em 0;max-width:85ch}
.quiet,.note,small{color:var(--quiet)}.note{font-size:.875rem}small{font-size:.8em}
nav ul{display:flex;flex-wrap:wrap;gap:.2em 1.2em;padding:0;list-style:none}
.warn{background:var(--warn);border-left:4px solid var(--warn-rule);padding:.4em 1em;margin:1em 0}
.key{display:flex;flex-wrap:wrap;gap:.1em 1.4em;padding:0;list-style:none;font-size:.9rem}
.key li{display:flex;align-items:center;gap:.4em}.swatch{width:28px;height:14px;flex:none}
.charts{display:grid;gap:1.6em 1.4em;align-items:start;
grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr))}
.charts.wide{grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr))}
figure{margin:0;min-width:0;break-inside:avoid}figure svg{display:block;width:100%;height:auto;max-width:620px}
figcaption{font-size:.85rem;color:var(--quiet)}figcaption table{color:var(--ink)}
svg text{fill:var(--ink);font-size:12.5px;font-family:inherit}svg .name{fill:var(--quiet)}
svg .number{font-size:11px;font-weight:600;paint-order:stroke;stroke:var(--paper);stroke-width:2.5px}
.grid{stroke:var(--rule);stroke-width:.7;fill:none}.axis{stroke:var(--quiet);stroke-width:1;fill:none}
.s0{--c:var(--s0)}.s1{--c:var(--s1)}.s2{--c:var(--s2)}.s3{--c:var(--s3)}.s4{--c:var(--s4)}.s5{--c:var(--s5)}
.s6{--c:var(--s6)}
.line{fill:none;stroke:var(--c);stroke-width:1.6;stroke-linejoin:round}.front{stroke-width:1.3;opacity:.75}
.d1{stroke-dasharray:6 3}.d2{stroke-dasharray:2 2}.d3{stroke-dasharray:8 3 2 3}
.leader{fill:none;stroke:var(--quiet);stroke-width:.5}
.mark{fill:var(--c);stroke:var(--paper);stroke-width:.8;vector-effect:non-scaling-stroke}
.beaten{fill-opacity:.25;stroke:var(--c);stroke-width:.9;stroke-opacity:.7}
.line:hover{stroke-width:3.5;opacity:1}
details{margin:.6em 0;border:1px solid var(--rule);border-radius:6px;padding:.2em .8em}
summary{cursor:pointer;font-weight:600;padding:.3em 0}
.scroll{position:relative;overflow-x:auto;margin:.5em 0 .9em;max-width:100%}
.scroll:focus-visible{outline:2px solid var(--link)}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;overflow-wrap:normal}
caption{text-align:left;color:var(--quiet);padding:.2em 0;font-size:.85rem}
th,td{padding:.22em .7em;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule);vertical-align:top}
thead th{border-bottom:2px solid var(--quiet);vertical-align:bottom;font-weight:600;white-space:normal;min-width:3.4em}
th.left,td.left,tbody th{text-align:left}tbody th{font-weight:400}tbody tr:hover{background:var(--tint)}
.wrapped td,.wrapped tbody th{white-space:normal;min-width:7em;max-width:38em;overflow-wrap:anywhere}
figcaption tbody th{white-space:normal;min-width:9em}
.below{display:block;line-height:1.3}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.sortable.live thead th{cursor:pointer}th[aria-sort=ascending]::after{content:" \\2191"}
th[aria-sort=descending]::after{content:" \\2193"}
dl{max-width:85ch}dt{font-weight:600;margin-top:.5em}dd{margin:0 0 0 1.2em}
footer{margin-top:3em;color:var(--quiet);font-size:.85rem}
@media (max-width:480px){body{padding:12px;font-size:15px}th,td{padding:.22em .45em}details{padding:.2em .5em}
tbody th{white-space:normal;min-width:8em}
svg text{font-size:13.5px}svg .number{font-size:12px}}
@media print{:root{--paper:#fff;--ink:#000;--quiet:#444;--rule:#bbb;--tint:#fff;--warn:#fff;
--s0:#0072b2;--s1:#d55e00;--s2:#009e73;--s3:#cc79a7;--s4:#e69f00;--s5:#56b4e9;--s6:#555}
body{max-width:none;font-size:10pt;padding:0}nav{display:none}.scroll{overflow:visible}table{font-size:7.5pt}small{font-size:.9em}
th,td{padding:.15em .4em}thead{display:table-header-group}tr,figure{break-inside:avoid}
details{border:0;padding:0}details::details-content{content-visibility:visible;height:auto;display:block}
a{color:inherit;text-decoration:none}}
"""

SCRIPT = """
document.querySelectorAll("table.sortable").forEach(function(table){
  table.classList.add("live");
  var heads=table.tHead.rows[0].cells,body=table.tBodies[0];
  function value(row,column){
    var cell=row.cells[column],number=cell.dataset.value;
    if(number!==undefined)return +number;
    number=parseFloat(cell.textContent.replace(/,/g,""));
    return /^[\\d,. ]+$/.test(cell.textContent)?number:cell.textContent;
  }
  function sort(column){
    var down=heads[column].getAttribute("aria-sort")==="ascending";
    for(var i=0;i<heads.length;i++)heads[i].removeAttribute("aria-sort");
    heads[column].setAttribute("aria-sort",down?"descending":"ascending");
    Array.from(body.rows).map(function(row,place){return[value(row,column),place,row]}).sort(function(a,b){
      var missing=(a[0]==="\\u2013")-(b[0]==="\\u2013");
      var order=a[0]<b[0]?-1:a[0]>b[0]?1:0;
      return missing||(down?-order:order)||a[1]-b[1];
    }).forEach(function(entry){body.appendChild(entry[2])});
  }
  Array.from(heads).forEach(function(head,column){
    head.tabIndex=0;
    head.addEventListener("click",function(){sort(column)});
    head.addEventListener("keydown",function(event){
      if(event.key==="Enter"||event.key===" "){event.preventDefault();sort(column)}
    });
  });
});
"""
"""Sorts a table by the column whose head is clicked, missing figures last."""
