import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("../../../../../", import.meta.url);

/** A node of chessrelay, without a token, as a process of its own. */
export class Node {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly dir: string,
  ) {}

  static async start(): Promise<Node> {
    const dir = mkdtempSync(join(tmpdir(), "chessrelay-"));
    const program = join(dir, "chessrelay");
    execFileSync("go", ["build", "-o", program, "./cmd/chessrelay"], { cwd: root, stdio: "inherit" });
    const [http, peer] = [await freePort(), await freePort()];
    const child = spawn(
      program,
      ["serve", "--name", "hall", "--role", "recorder", "--data", join(dir, "data"), "--http", `127.0.0.1:${http}`, "--peer", `127.0.0.1:${peer}`, "--bootstrap"],
      { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, CHESSRELAY_LOG_LEVEL: "error" } },
    );
    const node = new Node(`http://127.0.0.1:${http}`, child, dir);
    for (let tries = 0; ; tries++) {
      const ready = await fetch(`${node.url}/readyz`).then((r) => r.ok, () => false);
      if (ready) return node;
      if (tries === 200 || child.exitCode !== null) {
        await node.stop();
        throw new Error("the node does not come up");
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null) {
      const ended = new Promise((resolve) => this.child.once("exit", resolve));
      this.child.kill("SIGTERM");
      await ended;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
