// "Agree to all" ticks every item, and is ticked itself once every item is.
const all = document.getElementById("all");
const items = [...document.querySelectorAll("input[name=item], input[name=term]")];
if (all) {
  all.addEventListener("change", () => {
    for (const item of items) item.checked = all.checked;
  });
  for (const item of items) {
    item.addEventListener("change", () => {
      all.checked = items.every((other) => other.checked);
    });
  }
}
