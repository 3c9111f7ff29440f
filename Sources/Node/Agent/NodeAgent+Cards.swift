import Drivers
import Kit
import NodeLink

/// One look at the network: when it began, and which taps nobody held.
struct NetworkLook: Sendable {
  var began: ContinuousClock.Instant
  var unplugged: Set<String>
}

/// A card of a running guest that seemed to hang on no tap, seen in this life of the guest.
struct LooseCard: Sendable {
  var since: ContinuousClock.Instant
  var instance: String?
}

/// Cards of running guests whose tap was taken away under them. The tap is made again by the look at the network, but
/// the guest's process holds the one that is gone until its card is plugged in anew.
extension NodeAgent {
  func loosePorts(_ portIDs: [String], plugged: ContinuousClock.Instant?, instance: String?) -> [String] {
    portIDs.filter { portID in
      if let remade = remadeTaps[portID] {
        if plugged.map({ $0 < remade }) ?? true { return true }
        settleTap(portID)
      }
      return hangsLoose(portID, plugged: plugged, instance: instance)
    }
  }

  /// A tap that nobody holds though a guest with its card runs: this shows it after a crash of the agent too. One look
  /// is not believed, it may be older than the guest's life.
  private func hangsLoose(_ portID: String, plugged: ContinuousClock.Instant?, instance: String?) -> Bool {
    guard let look = networkLook, look.unplugged.contains(portID) else {
      if looseCards.removeValue(forKey: portID) != nil { settle(ObjectKey(.port, portID).description, .tap) }
      return false
    }
    if let plugged, look.began < plugged { return false }
    if let known = looseCards[portID], known.instance == instance {
      guard look.began > known.since else { return false }
      let key = ObjectKey(.port, portID)
      find(
        key.description, key, .tap, asked: "held by its guest", found: "the guest holds a tap that is gone",
        done: "card plugged in anew")
      return true
    }
    looseCards[portID] = LooseCard(since: .now, instance: instance)
    networkDirty = true
    networkSignal.raise()
    return false
  }

  func replugged(portID: String) {
    looseCards[portID] = nil
    networkLook?.unplugged.remove(portID)
    settleTap(portID)
  }

  private func settleTap(_ portID: String) {
    remadeTaps[portID] = nil
    settle(ObjectKey(.port, portID).description, .tap)
  }

  func forgetCard(_ portID: String) {
    remadeTaps[portID] = nil
    looseCards[portID] = nil
  }

  /// No guest of this server runs: no card of it hangs anywhere.
  func forgetCards(of spec: ServerSpec) {
    for nic in spec.nics where remadeTaps[nic.portID] != nil || looseCards[nic.portID] != nil {
      looseCards[nic.portID] = nil
      settleTap(nic.portID)
    }
  }

  /// A look at the network is over: guests whose cards hang loose need a pass.
  func noteCards(_ look: NetworkLook) {
    networkLook = look
    for portID in remadeTaps.keys where runningServer(ofPort: portID) == nil { settleTap(portID) }
    for portID in look.unplugged.union(remadeTaps.keys) {
      if let server = runningServer(ofPort: portID) { servers.add(server) }
    }
  }

  /// The server whose guest has this port's card and runs, as far as is known: a guest that was not looked at yet may.
  func runningServer(ofPort portID: String) -> String? {
    guard case .port(let port) = manifest.objects[ObjectKey(.port, portID)]?.spec,
      let server = manifest.server(port.deviceID), server.nics.contains(where: { $0.portID == portID })
    else { return nil }
    switch outbox.known[ObjectKey(.server, server.id)]?.server?.power {
    case .stopped, .crashed, .absent: return nil
    case .running, .paused, nil: return server.id
    }
  }
}
