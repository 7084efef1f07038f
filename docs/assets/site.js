// Wide tables scroll in a box that the theme makes; those without a mouse need to reach it.
window.addEventListener("load", () => {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset .figure, .md-typeset div.formula")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0
  }
})
