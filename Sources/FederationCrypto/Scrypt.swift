internal import COpenSSL
package import FederationCore
internal import Synchronization

/// scrypt (RFC 7914): slow and large on purpose, so that trying many inputs costs much.
package enum Scrypt {
    /// One at a time: each takes its whole memory.
    private static let turn = Mutex(())

    /// - Returns: `nil` where there is no memory for it, or no such hash is made.
    package static let hash: SlowHash = { password, salt, cost, length in
        guard cost.blocks > 1, cost.blockSize > 0, cost.lanes > 0, length > 0 else { return nil }
        return turn.withLock { _ in
            // libcrypto needs a little beside the blocks themselves.
            let most = UInt64(cost.bytes + cost.bytes / 4)
            var derived = [UInt8](repeating: 0, count: length)
            ERR_clear_error()
            defer { ERR_clear_error() }
            let outcome = unsafe password.withUnsafeBufferPointer { password in
                unsafe password.withMemoryRebound(to: CChar.self) { text in
                    unsafe salt.withUnsafeBufferPointer { salt in
                        unsafe derived.withUnsafeMutableBufferPointer { room in
                            unsafe EVP_PBE_scrypt(
                                text.baseAddress, text.count, salt.baseAddress, salt.count, UInt64(cost.blocks),
                                UInt64(cost.blockSize), UInt64(cost.lanes), most, room.baseAddress, room.count)
                        }
                    }
                }
            }
            return outcome == 1 ? derived : nil
        }
    }
}
