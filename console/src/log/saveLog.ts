/** Puts the export of the log into a file of the person's, however long it is; where the browser has no way to that, its beginning. */

/** As much is held in memory, bytes. */
const MOST = 32 * 1024 * 1024;

interface Picker {
  showSaveFilePicker?: (options: { suggestedName: string; types: { accept: Record<string, string[]> }[] }) => Promise<FileSystemFileHandle>;
}

/** A place for the lines, asked for before they are. */
export interface Place {
  /** Says until when the entries reach that are in the file, where they are not all. */
  put: (lines: ReadableStream<Uint8Array<ArrayBuffer>>, signal: AbortSignal) => Promise<number | undefined>;
}

function fileName(): string {
  return `provisioning-log-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.ndjson`;
}

/** Nothing where the person wants no file after all. */
export async function choosePlace(): Promise<Place | undefined> {
  const { showSaveFilePicker } = window as Window & Picker;
  if (!showSaveFilePicker) return { put: download };
  try {
    const file = await showSaveFilePicker({ suggestedName: fileName(), types: [{ accept: { 'application/x-ndjson': ['.ndjson'] } }] });
    return { put: (lines, signal) => stream(file, lines, signal) };
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    throw error;
  }
}

/** What broke off leaves the file as it was. */
async function stream(file: FileSystemFileHandle, lines: ReadableStream<Uint8Array<ArrayBuffer>>, signal: AbortSignal): Promise<undefined> {
  await lines.pipeTo(await file.createWritable(), { signal });
}

async function download(lines: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<number | undefined> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = lines.getReader();
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    parts.push(step.value);
    size += step.value.length;
    if (size > MOST) {
      void reader.cancel().catch(() => {});
      const { whole, until } = cut(await new Blob(parts).slice(0, MOST).text());
      save(new Blob([whole]));
      return until;
    }
  }
  save(new Blob(parts));
  return undefined;
}

/** The lines that came whole, and when the last one was. */
function cut(text: string): { whole: string; until: number } {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const last = whole.slice(whole.lastIndexOf('\n', whole.length - 2) + 1);
  return { whole, until: last ? (JSON.parse(last) as { timestamp: number }).timestamp : 0 };
}

function save(blob: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = fileName();
  link.click();
  URL.revokeObjectURL(link.href);
}
