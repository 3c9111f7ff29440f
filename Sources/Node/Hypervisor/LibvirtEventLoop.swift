import CLibvirt
import Foundation

/// libvirt's own event loop, on one thread for the whole process. It must run before the first connection is opened.
enum LibvirtEventLoop {
  private static let started: Bool = {
    // libvirt writes to its socket without MSG_NOSIGNAL: a libvirtd that goes away would end this process.
    signal(SIGPIPE, SIG_IGN)
    guard virEventRegisterDefaultImpl() == 0 else { return false }
    // Errors are read where the call failed; libvirt is not to print them as well.
    virSetErrorFunc(nil) { _, _ in }
    let thread = Thread {
      while true {
        if virEventRunDefaultImpl() < 0 { Thread.sleep(forTimeInterval: 0.01) }
      }
    }
    thread.name = "libvirt-events"
    thread.start()
    return true
  }()

  static func start() throws {
    guard started else { throw HypervisorError.daemonUnavailable(reason: "libvirt's event loop does not start") }
  }
}
