// Details are packed in blocks of scenarios; a block is opened when one of its scenarios is asked for.
const blockOf = new Map();
for (const script of document.querySelectorAll("script[data-block]")) {
  for (const number of script.dataset.block.split(" ")) blockOf.set(number, script);
}
const opened = new Map();

async function open(script) {
  const bytes = Uint8Array.from(atob(script.textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

// The details of one scenario; null where they are not in the page.
async function details(number) {
  const script = blockOf.get(number);
  if (!script) return null;
  if (!opened.has(script)) opened.set(script, open(script));
  return (await opened.get(script))[number];
}
