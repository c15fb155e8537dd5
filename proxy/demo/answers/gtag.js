/* Written for Consentry's demo. Acts as gtag.js does: it works off dataLayer, keeps _ga and _ga_<id>, sends hits. */
(function () {
  'use strict';
  var ANALYTICS = 'https://www.google-analytics.com/g/collect?v=2';
  var CONVERSION = 'https://www.googleadservices.com/pagead/conversion/';
  var REMARKETING = 'https://googleads.g.doubleclick.net/pagead/viewthroughconversion/';
  var queue = (window.dataLayer = window.dataLayer || []);
  if (queue.gtagLoaded) return;
  queue.gtagLoaded = true;

  var accounts = [];
  var consent = { ad_storage: 'granted', analytics_storage: 'granted' };
  var began = Date.now();

  function cookie(name, fresh) {
    var found = document.cookie.match('(?:^|; )' + name + '=([^;]*)');
    var value = found ? found[1] : fresh;
    document.cookie = name + '=' + value + '; path=/; max-age=63072000; SameSite=Lax';
    return value;
  }
  function client() {
    var fresh = 'GA1.1.' + Math.floor(Math.random() * 2147483647) + '.' + Math.floor(Date.now() / 1000);
    return cookie('_ga', fresh).split('.').slice(2).join('.');
  }
  function words(fields) {
    return Object.keys(fields).filter(function (name) {
      return fields[name] !== undefined && fields[name] !== '';
    }).map(function (name) {
      return '&' + name + '=' + encodeURIComponent(fields[name]);
    }).join('');
  }
  function hit(id, event, params) {
    if (consent.analytics_storage !== 'granted') return;
    var seconds = Math.floor(began / 1000);
    cookie('_ga_' + id.slice(2), 'GS1.1.' + seconds + '.1.1.' + seconds + '.0.0.0');
    var url = ANALYTICS + words({
      tid: id, gtm: '45je6bi0', _p: began, gcs: 'G1' + (consent.ad_storage === 'granted' ? 1 : 0) + 1,
      cid: client(), ul: (navigator.language || '').toLowerCase(), sr: screen.width + 'x' + screen.height,
      sid: seconds, sct: 1, seg: 1, dl: location.href, dr: document.referrer, dt: document.title, en: event,
      'epn.value': params.value, 'ep.currency': params.currency, 'ep.transaction_id': params.transaction_id,
      _et: Date.now() - began
    });
    if (!(navigator.sendBeacon && navigator.sendBeacon(url))) {
      fetch(url, { method: 'POST', keepalive: true, mode: 'no-cors' }).catch(function () {});
    }
  }
  function pixel(url, fields) {
    if (consent.ad_storage !== 'granted') return;
    cookie('_gcl_au', '1.1.' + Math.floor(Math.random() * 2147483647) + '.' + Math.floor(Date.now() / 1000));
    new Image().src = url + words(fields);
  }
  function event(name, params) {
    var to = params.send_to ? [].concat(params.send_to) : accounts;
    to.forEach(function (target) {
      var id = target.split('/')[0];
      if (id.slice(0, 2) === 'G-') hit(id, name, params);
      if (id.slice(0, 3) !== 'AW-') return;
      var number = id.slice(3), page = { url: location.href, ref: document.referrer, tiba: document.title };
      if (name === 'conversion') {
        pixel(CONVERSION + number + '/?random=' + Date.now(), {
          label: target.split('/')[1], value: params.value, currency_code: params.currency,
          oid: params.transaction_id, url: page.url, ref: page.ref, tiba: page.tiba
        });
      } else if (name === 'page_view') {
        pixel(REMARKETING + number + '/?random=' + Date.now(), page);
      }
    });
  }
  function work(command) {
    if (Object.prototype.toString.call(command) !== '[object Arguments]') return;
    var params = command[2] || {};
    if (command[0] === 'consent') Object.keys(params).forEach(function (key) { consent[key] = params[key]; });
    if (command[0] === 'event') event(command[1], params);
    if (command[0] === 'config') {
      accounts.push(command[1]);
      if (params.send_page_view !== false) event('page_view', { send_to: command[1] });
    }
  }
  queue.slice().forEach(work);
  var push = queue.push;
  queue.push = function () {
    var length = push.apply(queue, arguments);
    Array.prototype.forEach.call(arguments, work);
    return length;
  };
})();
