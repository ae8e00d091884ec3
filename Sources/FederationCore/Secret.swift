/// A key that must be seen by nobody: it prints as `<hidden>`, and its bytes are wiped when the last user lets it go.
///
/// It is lent, never given: copies that a borrower makes are the borrower's to wipe.
@safe package final class Secret: Sendable {
    // SAFETY: written by `init`, wiped and freed by `deinit`, and only read between.
    private nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer
    private let wipe: @Sendable (UnsafeMutableRawBufferPointer) -> Void

    /// - Parameters:
    ///   - source: copied; the caller wipes its own.
    ///   - wipe: overwrites memory in a way that no optimizer leaves out.
    package init(
        copying source: some Collection<UInt8>, wipe: @Sendable @escaping (UnsafeMutableRawBufferPointer) -> Void
    ) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 1)
        for (index, byte) in source.enumerated() { unsafe bytes[index] = byte }
        unsafe self.bytes = bytes
        unsafe self.wipe = wipe
    }

    deinit {
        unsafe wipe(bytes)
        unsafe bytes.deallocate()
    }

    package var count: Int { unsafe bytes.count }

    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try unsafe body(UnsafeRawBufferPointer(bytes))
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<hidden>" }
    package var debugDescription: String { "<hidden>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
