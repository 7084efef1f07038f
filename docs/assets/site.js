// Make boxes with wide tables focusable, so that they scroll with the keyboard.
window.addEventListener("load", () => {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset .figure, .md-typeset div.formula")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0
  }
})
