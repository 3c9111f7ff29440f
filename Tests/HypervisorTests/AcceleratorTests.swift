import Foundation
import Kit
import Logging
import Testing

@testable import Hypervisor

@Suite struct AcceleratorTests {
  private func trial(_ kernels: [String]) throws -> AcceleratorTrial {
    AcceleratorTrial(user: try QEMUUser.find(), kernels: kernels, logger: Logger(label: "test"))
  }

  @Test func aKernelThatBootsIsSeen() async throws {
    try await TinyImage.ready()
    #expect(try await trial([]).boots(TinyImage.kernel, accelerator: .qemu, secondsMax: 40))
  }

  @Test func whatIsNoKernelEndsWithoutAnAnswer() async throws {
    let began = ContinuousClock.now
    #expect(try await trial([]).boots("/etc/hostname", accelerator: .qemu) == false)
    #expect(ContinuousClock.now - began < .seconds(AcceleratorTrial.secondsMax + 5))
    #expect(try await trial(["/none"]).kvmBoots() == nil)
  }

  @Test func theChoiceIsRemembered() async throws {
    try await TinyImage.ready()
    let directory = "/tmp/haneul-accelerator-" + Identifier.hex()
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let trial = try trial(AcceleratorTrial.usualKernels())
    let first = try await AcceleratorChoice(directory: directory, trial: trial).accelerator()
    // A trial that has no kernel to boot: what it answers can only be remembered.
    let blind = try self.trial([])
    #expect(try await AcceleratorChoice(directory: directory, trial: blind).accelerator() == first)
    // Where nothing can be written, it is known all the same.
    #expect(try await AcceleratorChoice(directory: directory + "/none", trial: trial).accelerator() == first)
    if !KVMDevice.exists { #expect(first == .qemu) }
  }
}
