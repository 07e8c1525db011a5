/**
 * The files of the page, as texts.
 *
 * @module
 */

import api from "./page/api.js" with { type: "text" };
import app from "./page/app.js" with { type: "text" };
import detail from "./page/detail.js" with { type: "text" };
import diff from "./page/diff.js" with { type: "text" };
import dom from "./page/dom.js" with { type: "text" };
import edit from "./page/edit.js" with { type: "text" };
import history from "./page/history.js" with { type: "text" };
import icon from "./page/icon.svg" with { type: "text" };
import index from "./page/index.html" with { type: "text" };
import keys from "./page/keys.js" with { type: "text" };
import live from "./page/live.js" with { type: "text" };
import overview from "./page/overview.js" with { type: "text" };
import plot from "./page/plot.js" with { type: "text" };
import rowsSeen from "./page/rows_seen.js" with { type: "text" };
import steps from "./page/steps.js" with { type: "text" };
import style from "./page/style.css" with { type: "text" };
import theme from "./page/theme.js" with { type: "text" };
import virtualList from "./page/virtual_list.js" with { type: "text" };
import words from "./page/words.js" with { type: "text" };

/** A file as it is served. */
export interface PageFile {
  readonly type: string;
  readonly text: string;
}

const script = (text: string): PageFile => ({ type: "text/javascript; charset=utf-8", text });

/** The files by path. */
export const PAGE_FILES: ReadonlyMap<string, PageFile> = new Map([
  ["/", { type: "text/html; charset=utf-8", text: index }],
  ["/page/style.css", { type: "text/css; charset=utf-8", text: style }],
  ["/page/icon.svg", { type: "image/svg+xml", text: icon }],
  ["/page/api.js", script(api)],
  ["/page/app.js", script(app)],
  ["/page/detail.js", script(detail)],
  ["/page/diff.js", script(diff)],
  ["/page/dom.js", script(dom)],
  ["/page/edit.js", script(edit)],
  ["/page/history.js", script(history)],
  ["/page/keys.js", script(keys)],
  ["/page/live.js", script(live)],
  ["/page/overview.js", script(overview)],
  ["/page/plot.js", script(plot)],
  ["/page/rows_seen.js", script(rowsSeen)],
  ["/page/steps.js", script(steps)],
  ["/page/theme.js", script(theme)],
  ["/page/virtual_list.js", script(virtualList)],
  ["/page/words.js", script(words)],
]);
