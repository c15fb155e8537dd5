/* Written for Consentry's demo. Acts as AddToAny's page.js does: it turns empty links into share links. */
(function () {
  'use strict';
  var names = { facebook: 'Facebook', pinterest: 'Pinterest', whatsapp: 'WhatsApp' };
  Object.keys(names).forEach(function (name) {
    Array.prototype.forEach.call(document.querySelectorAll('a.a2a_button_' + name), function (link) {
      link.href = 'https://www.addtoany.com/add_to/' + name + '?linkurl=' + encodeURIComponent(location.href);
      link.rel = 'nofollow noopener';
      link.target = '_blank';
      link.textContent = names[name];
    });
  });
})();
