/**
 * `plantd-state backup`: writes all there is to a file, from the running service or from its database.
 *
 * @module
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { examples } from "./examples.ts";
import { fetchBackup } from "../backup/fetch.ts";
import type { BackupSummary } from "../backup/reader.ts";
import { BackupWriter } from "../backup/writer.ts";
import { streamDenoKv } from "../offline.ts";
import { VERSION } from "../version.ts";
import { EXIT } from "./exit_codes.ts";
import { formatOf, printAs } from "./format.ts";
import { Progress } from "./progress.ts";
import { connection, type ConnectionValues } from "./state_options.ts";
import { asking } from "./asking.ts";
import { describe } from "./verify.ts";

/** Parser of the command. */
export const backupCommand = command(
  "backup",
  merge(
    object({
      command: constant("backup"),
      file: argument(string({ metavar: "FILE" }), {
        description: message`Where to; a backup that is there is replaced by a whole one.`,
      }),
      db: optional(
        option("--db", string({ metavar: "FILE" }), {
          description: message`Read this database, which no service may have open.`,
        }),
      ),
    }),
    connection,
  ),
  {
    brief: message`Back up everything to a file.`,
    description:
      message`Write all scopes, keys, their pasts and options to a text file, as of one revision, whatever is written meanwhile. The service is asked through the broker, from any host. The file has its name only once it was read back and proved.`,
    footer: examples(
      "plantd-state backup plant.backup",
      "plantd-state backup plant.backup --endpoint=tcp://controller:9797",
      "plantd-state backup plant.backup --db=state.db",
    ),
  },
);

/** What the command's options parse to. */
export interface BackupValues extends ConnectionValues {
  readonly file: string;
  readonly db?: string | undefined;
}

/** Runs the command. */
export async function backup(values: BackupValues): Promise<number> {
  const summary = values.db === undefined
    ? await fromService(values)
    : await fromDatabase(values.db, values.file);
  printAs(formatOf(values), JSON.stringify(summary), () => describe(summary));
  return EXIT.done;
}

async function fromService(values: BackupValues): Promise<BackupSummary> {
  using progress = new Progress("backing up");
  await using service = asking(values);
  return await fetchBackup(values.file, service.ask, (part) => progress.show(part));
}

async function fromDatabase(path: string, file: string): Promise<BackupSummary> {
  using database = await streamDenoKv(path);
  const { epoch, revision } = database;
  const header = { epoch, revision, timeMs: Date.now(), program: VERSION };
  await using writer = await BackupWriter.create(file, header);
  using progress = new Progress("backing up");
  const { count } = database;
  let written = 0;
  for await (const record of database.records) {
    await writer.write(record);
    progress.show((written += 1) / count);
  }
  return await writer.finish();
}
