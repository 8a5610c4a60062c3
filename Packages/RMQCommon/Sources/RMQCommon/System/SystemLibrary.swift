internal import Glibc

/// A shared library of the system that is loaded when something of it is first needed, and that may be missing.
///
/// Once loaded it stays for as long as the process lives, so its functions may be kept.
struct SystemLibrary: @unchecked Sendable {
    // Sendable: the handle is only handed to dlsym, which any thread may call.
    private let handle: UnsafeMutableRawPointer

    /// - Parameter name: with its version, as the loader finds it: `libzstd.so.1`. Nil when there is none.
    init?(_ name: String) {
        guard let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) else { return nil }
        self.handle = handle
    }

    /// A function by its name; nil when the library does not have it.
    /// - Parameter type: what the library's documentation says it is, as `@convention(c)`: nothing can check that.
    func function<Function>(_ name: String, as type: Function.Type) -> Function? {
        guard let symbol = dlsym(handle, name) else { return nil }
        precondition(MemoryLayout<Function>.size == MemoryLayout<UnsafeMutableRawPointer>.size, "a C function is one pointer")
        return unsafeBitCast(symbol, to: type)
    }
}
