/** The compiler's library has no types for this global without those of the whole DOM. */
interface WithWebAssembly {
  WebAssembly: {
    Module: new (binary: Uint8Array) => object
    Instance: new (module: object, imports: object) => { readonly exports: object }
  }
}

/** An instance of a WebAssembly module, compiled at once: what Node has for that is asynchronous, but for these two. */
export function instantiate(
  binary: Uint8Array,
  imports: object = {},
): { readonly exports: object } {
  const { WebAssembly } = globalThis as unknown as WithWebAssembly
  return new WebAssembly.Instance(new WebAssembly.Module(binary), imports)
}
