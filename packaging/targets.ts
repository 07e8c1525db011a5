/**
 * The machines the program is built for, and where the parts for each come from.
 *
 * @module
 */

/** A machine the program is built for. */
export interface Target {
  readonly name: string;
  /** What `deno compile --target` calls it. */
  readonly triple: string;
  /** Where zeromq keeps this machine's addons, and the libc they must be for. */
  readonly addonOs: string;
  readonly addonArch: string;
  readonly addonLibc: string;
  /** `e_machine` of ELF executables (elf(5)). */
  readonly elfMachine?: number;
  /** Debian's name of the architecture. */
  readonly debian?: string;
  /** What the portable path needs; undefined where nobody has tried the header's shell script. */
  readonly portable?: PortableParts;
}

/** Where the portable path gets Deno from, and how it knows the machine. */
export interface PortableParts {
  /** npm's package with Deno's executable, and the integrity of its tarball for {@link DENO_VERSION}. */
  readonly denoPackage: string;
  readonly denoIntegrity: string;
  /** What `uname -sm` says. */
  readonly uname: string;
  /** The dynamic loader that Deno's executable names. */
  readonly loader: string;
}

/** The version of Deno that goes into the executables; the one this was tested with. */
export const DENO_VERSION = "2.9.6";

/** All targets. */
export const TARGETS: readonly Target[] = [
  {
    name: "linux-x64",
    triple: "x86_64-unknown-linux-gnu",
    addonOs: "linux",
    addonArch: "x64",
    addonLibc: "glibc",
    elfMachine: 62,
    debian: "amd64",
    portable: {
      denoPackage: "@deno/linux-x64-glibc",
      denoIntegrity:
        "sha512-3md4TKLCuzsLDmfOoC5KN7NAZaxSVkMgm64vg6foD00JBADCpYS2/5QqXfzgnP5ZQz3iLP9vBQJtEgc116OAoQ==",
      uname: "Linux x86_64",
      loader: "/lib64/ld-linux-x86-64.so.2",
    },
  },
  {
    name: "linux-arm64",
    triple: "aarch64-unknown-linux-gnu",
    addonOs: "linux",
    addonArch: "arm64",
    addonLibc: "glibc",
    elfMachine: 183,
    debian: "arm64",
    portable: {
      denoPackage: "@deno/linux-arm64-glibc",
      denoIntegrity:
        "sha512-poqhoH9B3nYloigEMPT5t8HY+wBeiuea1An5Q7fqgJzP0SYmWsoS/oUnWO/pEiA4ofzIBy1Elt/in58xKtxEoQ==",
      uname: "Linux aarch64",
      loader: "/lib/ld-linux-aarch64.so.1",
    },
  },
  {
    name: "darwin-x64",
    triple: "x86_64-apple-darwin",
    addonOs: "darwin",
    addonArch: "x64",
    addonLibc: "libc",
  },
  {
    name: "darwin-arm64",
    triple: "aarch64-apple-darwin",
    addonOs: "darwin",
    addonArch: "arm64",
    addonLibc: "libc",
  },
];
