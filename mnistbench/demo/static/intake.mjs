// How a picture comes in: chosen, dropped anywhere on the page, or pasted.

/** Calls take with each picture's file; page gets the class "dropping" while one is held over it. */
export function setUpIntake(page, input, take) {
  input.addEventListener("change", () => {
    if (input.files.length) take(input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  });
  page.addEventListener("dragover", (event) => {
    event.preventDefault(); // else the browser opens the file in place of the page
    page.classList.add("dropping");
  });
  for (const end of ["dragleave", "drop"]) page.addEventListener(end, () => page.classList.remove("dropping"));
  page.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) take(event.clipboardData.files[0]);
  });
}
