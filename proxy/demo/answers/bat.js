/* Written for Consentry's demo. Acts as Microsoft's bat.js does: it defines UET and sends one hit a page. */
window.UET = function (options) {
  'use strict';
  function id(name, seconds) {
    var found = document.cookie.match('(?:^|; )' + name + '=([^;]*)');
    var value = found ? found[1] : Math.random().toString(16).slice(2) + Date.now().toString(16);
    document.cookie = name + '=' + value + '; path=/; max-age=' + seconds + '; SameSite=Lax';
    return value;
  }
  function hit(event) {
    var e = encodeURIComponent;
    new Image().src = 'https://bat.bing.com/action/0?ti=' + options.ti + '&Ver=2&sid=' + id('_uetsid', 86400) +
      '&vid=' + id('_uetvid', 33696000) + '&evt=' + event + '&lg=' + e(navigator.language) + '&sw=' + screen.width +
      '&sh=' + screen.height + '&tl=' + e(document.title) + '&p=' + e(location.href) + '&r=' + e(document.referrer);
  }
  this.push = function (event) { if (event === 'pageLoad') hit(event); };
};
