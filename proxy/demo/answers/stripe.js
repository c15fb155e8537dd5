/* Written for Consentry's demo. Stands for Stripe.js: enough of it that a card field can be mounted. */
window.Stripe = function () {
  'use strict';
  return { elements: function () {
    return { create: function () {
      return { mount: function (place) {
        var field = document.createElement('input');
        field.placeholder = '4242 4242 4242 4242';
        field.setAttribute('aria-label', 'Card number');
        document.querySelector(place).appendChild(field);
      } };
    } };
  } };
};
