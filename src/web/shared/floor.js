/*
 * Says why the page does not open, where nothing else of it can run: in a browser below the floor (src/web/README.md), on a
 * page without https, or when its script does not arrive. Every browser must understand this file, so it is ES5.
 */
;(() => {
  var TEXTS = {
    fr: {
      old: 'Ce navigateur est trop ancien pour cette application. Mettez-le à jour, ou prenez un Chrome, Edge ou Firefox récent. Sur iPhone, il faut iOS 15.4 ou plus récent.',
      insecure: 'Cette adresse n’est pas protégée. Ouvrez l’application par une adresse qui commence par https.',
      missing: 'L’application n’a pas pu être chargée. Vérifiez le réseau, puis rechargez cette page.',
    },
    en: {
      old: 'This browser is too old for this app. Update it, or take a recent Chrome, Edge or Firefox. An iPhone needs iOS 15.4 or later.',
      insecure: 'This address is not protected. Open the app by an address that begins with https.',
      missing: 'The app could not be loaded. Check the network, then load this page again.',
    },
    wo: {
      old: 'Nawigatër bii dafa màgget lool. Yeesal ko, walla nga jël Chrome, Edge walla Firefox bu bees. iPhone dafa soxla iOS 15.4 walla lu ko gëna bees.',
      insecure: 'Adres bii aaruwul. Ubbil aplikaasioŋ bi ci adres bu tàmbalee ak https.',
      missing: 'Mënuñu yeb aplikaasioŋ bi. Xoolal rezo bi, nga yebaat xët wi.',
    },
  }
  var wanted = String(navigator.language || 'fr').slice(0, 2)
  var words = TEXTS[wanted] || TEXTS.fr
  var root = document.getElementById('root')

  function say(text) {
    var main = document.createElement('main')
    var title = document.createElement('h1')
    var line = document.createElement('p')
    main.className = 'app-alone'
    title.appendChild(document.createTextNode(document.title))
    line.setAttribute('role', 'alert')
    line.appendChild(document.createTextNode(text))
    main.appendChild(title)
    main.appendChild(line)
    root.innerHTML = ''
    root.appendChild(main)
  }

  function hasAll() {
    return (
      'noModule' in document.createElement('script') &&
      typeof globalThis === 'object' &&
      typeof Object.hasOwn === 'function' &&
      typeof Array.prototype.at === 'function' &&
      typeof String.prototype.replaceAll === 'function' &&
      typeof BigInt === 'function' &&
      typeof TextEncoder === 'function' &&
      typeof AbortController === 'function' &&
      typeof BroadcastChannel === 'function' &&
      typeof HTMLDialogElement === 'function' &&
      typeof indexedDB === 'object'
    )
  }

  /* The browser has them on protected pages only. */
  function hasProtected() {
    return !!navigator.locks && !!window.crypto && !!crypto.subtle && typeof crypto.randomUUID === 'function'
  }

  if (window.isSecureContext === false) {
    document.documentElement.setAttribute('data-below-floor', '')
    say(words.insecure)
  } else if (!hasAll() || !hasProtected()) {
    document.documentElement.setAttribute('data-below-floor', '')
    say(words.old)
  } else {
    /* A script that is not there, or that this browser does not understand after all. */
    window.addEventListener(
      'error',
      (event) => {
        var isScript = event.target && event.target.tagName === 'SCRIPT'
        if (root.firstChild === null) say(isScript ? words.missing : words.old)
      },
      true,
    )
  }
})()
