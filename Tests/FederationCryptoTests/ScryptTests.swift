import FederationCore
import FederationCrypto
import Testing

/// The vectors of RFC 7914, section 12.
@Suite struct ScryptTests {
    @Test func thePublishedVectors() {
        func hash(_ password: String, _ salt: String, _ blocks: Int, _ size: Int, _ lanes: Int) -> String? {
            let cost = SlowHashCost(blocks: blocks, blockSize: size, lanes: lanes)
            return Scrypt.hash(Array(password.utf8), Array(salt.utf8), cost, 64).map { hexadecimal($0) }
        }
        #expect(
            hash("", "", 16, 1, 1)
                == "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
                + "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906")
        #expect(
            hash("password", "NaCl", 1024, 8, 16)
                == "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
                + "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640")
        #expect(
            hash("pleaseletmein", "SodiumChloride", 16_384, 8, 1)
                == "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                + "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887")
    }

    @Test func whatIsNoHashIsNone() {
        let salt = Array("salt".utf8)
        for cost in [
            SlowHashCost(blocks: 1, blockSize: 8, lanes: 1), .init(blocks: 1000, blockSize: 8, lanes: 1),
            .init(blocks: 16, blockSize: 0, lanes: 1), .init(blocks: 16, blockSize: 1, lanes: 0),
        ] {
            #expect(Scrypt.hash([], salt, cost, 16) == nil)
        }
        #expect(Scrypt.hash([], salt, SlowHashCost(blocks: 16, blockSize: 1, lanes: 1), 0) == nil)
    }
}
