// Changing what a view shows: only what was changed is sent, and only where nobody changed it meanwhile.

import { patch } from "./api.js";
import { toast } from "./dom.js";
import { dialog, form } from "./form.js";

/** What isn't as it was: the rest is left to whoever changes it meanwhile. */
export function changed(before, wanted) {
  const text = (value) => JSON.stringify(Array.isArray(value) ? value.toSorted() : value ?? "");
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => text(value) !== text(before[name])));
}

/**
 * Opens a dialog that changes what `current()` is. `part` is what of it the `fields` are about, `read` makes what was
 * typed the API's, and `again` asks for it as it has become. A change of something that others changed since the dialog
 * was opened is refused, once.
 */
export function edit(title, { path, current, again, fields, done, part = (whole) => whole, read = (values) => values,
  wide = false }) {
  const before = part(current());
  let version = current().change_sequence;
  const element = dialog(title, form({
    action: "Save",
    cancel: () => element.close(),
    async act(values) {
      try {
        await patch(path, changed(before, read(values)), { version });
      } catch (error) {
        await again();
        if (error.code === "version_stale") version = current().change_sequence;
        throw error;
      }
      element.close();
      await again();
      toast(done(values));
    },
  }, fields(before)), { wide });
}
