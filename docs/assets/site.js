// Make boxes with wide tables focusable, so that they scroll with the keyboard.
window.addEventListener("load", () => {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset .figure, .md-typeset div.formula")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0
  }
})

// Name the search dialog, which the theme leaves without a name.
document.querySelector(".md-search[role=dialog]")?.setAttribute("aria-label", "Search")
