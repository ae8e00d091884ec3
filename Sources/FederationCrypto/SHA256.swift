internal import COpenSSL
package import FederationCore

/// The SHA-256 of some bytes: what Core's functions take as their `SHA256`.
package let sha256: SHA256 = { bytes in
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Digest.length) { room in
        var written: UInt32 = 0
        let outcome = unsafe bytes.withUnsafeBytes { input in
            unsafe EVP_Digest(input.baseAddress, input.count, room.baseAddress, &written, algorithm.pointer, nil)
        }
        // Fails only where memory has run out, which Swift's own allocations do not survive either.
        precondition(outcome == 1 && written == UInt32(Digest.length), "libcrypto could not hash")
        func word(_ place: Int) -> UInt64 {
            unsafe UInt64(bigEndian: UnsafeRawBufferPointer(room).loadUnaligned(fromByteOffset: place, as: UInt64.self))
        }
        return Digest(word(0), word(8), word(16), word(24))
    }
}

/// Found once: libcrypto 3 otherwise searches its providers again for every digest.
private let algorithm = Algorithm()

// SAFETY: an EVP_MD is immutable once fetched, libcrypto counts its references atomically, and this one is never freed.
@safe private struct Algorithm: @unchecked Sendable {
    let pointer: OpaquePointer?

    init() {
        // The legacy table entry, which needs no provider search to exist, stands in if none can be fetched.
        unsafe pointer = EVP_MD_fetch(nil, "SHA256", nil) ?? EVP_sha256()
        ERR_clear_error()
    }
}
