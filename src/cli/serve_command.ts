/**
 * What `plantd-state serve` takes.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import { examples } from "./examples.ts";
import { logOptions, settingOptions } from "./options.ts";

/** Parser of the command. */
export const serveCommand = command(
  "serve",
  merge(object({ command: constant("serve") }), settingOptions, logOptions),
  {
    brief: message`Run the state service (the default).`,
    description:
      message`Run the state service against an existing Majordomo broker and state bus, until SIGINT or SIGTERM. Broker and bus may come and go.`,
    footer: examples(
      "plantd-state serve --db=/var/lib/plantd-state/state.db",
      "plantd-state serve --config=state.yml --log-level=debug",
    ),
  },
);
